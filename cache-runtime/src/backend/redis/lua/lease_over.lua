-- Puts a lease in place of the value that was seen. ARGV: epoch, id of the value or empty, its bytes where it has
-- no id, the lease, px. 1: leased.
local raw = load(KEYS[1])
local kind = state(raw)
if kind == 'V' or kind == 'R' then
  local from = offset(raw)
  if string.sub(raw, from + 3, from + 10) ~= ARGV[2] then return 0 end
  -- Another refreshes it.
  if kind == 'R' and struct.unpack('>I8', string.sub(raw, 19, 26)) > now() then return 0 end
elseif kind ~= 'F' or ARGV[2] ~= '' or raw ~= ARGV[3] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
return 1
