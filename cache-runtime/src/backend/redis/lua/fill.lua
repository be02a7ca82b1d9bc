-- Stores what was loaded under a lease that still holds. ARGV: epoch, token, value, px. 1: stored.
local raw = load(KEYS[1])
local kind = state(raw)
if (kind ~= 'L' and kind ~= 'R') or string.sub(raw, 3, 18) ~= ARGV[2] then return 0 end
set(KEYS[1], ARGV[3], ARGV[4])
return 1
