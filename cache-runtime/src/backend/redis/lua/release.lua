-- Gives a lease back: a refreshed value becomes a value again. ARGV: epoch, token.
local raw = load(KEYS[1])
local kind = state(raw)
if (kind ~= 'L' and kind ~= 'R') or string.sub(raw, 3, 18) ~= ARGV[2] then return 0 end
if kind == 'R' then
  redis.call('SET', KEYS[1], string.sub(raw, 27), 'KEEPTTL')
else
  redis.call('UNLINK', KEYS[1])
end
return 1
