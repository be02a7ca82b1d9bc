-- Opens a barrier. ARGV: epoch, token, life in ms.
for _, key in ipairs(KEYS) do
  local raw = load(key)
  local kept, contended, last, time, found = {}, false, 0, nil, nil
  if state(raw) == 'B' then
    kept, found, contended, last, time = writers(raw, ARGV[2])
  end
  time = time or now()
  local deadline = time + ARGV[3]
  contended = contended or #kept > 0
  kept[#kept + 1] = ARGV[2] .. struct.pack('>I8', deadline)
  if deadline > last then last = deadline end
  bar(key, kept, contended, last, time)
end
return 1
