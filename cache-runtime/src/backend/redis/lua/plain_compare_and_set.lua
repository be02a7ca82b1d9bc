-- Stores bytes if the present ones are these. ARGV: epoch, 1 if something is expected, the bytes, the new ones, px.
-- 1: stored.
local raw = redis.pcall('GET', KEYS[1])
if type(raw) == 'table' then return 0 end
if ARGV[2] == '1' then
  if raw ~= ARGV[3] then return 0 end
elseif raw then
  return 0
end
set(KEYS[1], ARGV[4], ARGV[5])
return 1
