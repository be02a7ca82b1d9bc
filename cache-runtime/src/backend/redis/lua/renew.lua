-- Lets a lease that still holds live on. ARGV: epoch, token, life in ms. 1: it holds.
local raw = load(KEYS[1])
local kind = state(raw)
if (kind ~= 'L' and kind ~= 'R') or string.sub(raw, 3, 18) ~= ARGV[2] then return 0 end
if kind == 'R' then
  redis.call('SETRANGE', KEYS[1], 18, struct.pack('>I8', now() + ARGV[3]))
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
