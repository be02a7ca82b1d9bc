-- Stores a value if the present one has these bytes. ARGV: epoch, 1 if something is expected, the bytes, the new
-- value, px. 1: stored.
local raw = load(KEYS[1])
if state(raw) == 'B' then return 0 end
local found = payload(raw)
if ARGV[2] == '1' then
  if found ~= ARGV[3] then return 0 end
elseif found then
  return 0
end
set(KEYS[1], ARGV[4], ARGV[5])
return 1
