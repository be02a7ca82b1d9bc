-- Lets a writer that still stands stand on. ARGV: epoch, token, life in ms. How many of its barriers it found.
local renewed = 0
for _, key in ipairs(KEYS) do
  local raw = load(key)
  if state(raw) == 'B' then
    local kept, found, contended, last, time = writers(raw, ARGV[2])
    if found then
      local deadline = time + ARGV[3]
      kept[#kept + 1] = ARGV[2] .. struct.pack('>I8', deadline)
      if deadline > last then last = deadline end
      bar(key, kept, contended, last, time)
      renewed = renewed + 1
    end
  end
end
return renewed
