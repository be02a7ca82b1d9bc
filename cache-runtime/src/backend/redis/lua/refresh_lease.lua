-- Marks the value that was seen as being refreshed. ARGV: epoch, id of the value, token, life in ms. 1: leased.
local raw = load(KEYS[1])
local kind = state(raw)
if kind ~= 'V' and kind ~= 'R' then return 0 end
local from, time = offset(raw), now()
if string.sub(raw, from + 3, from + 10) ~= ARGV[2] then return 0 end
if kind == 'R' and struct.unpack('>I8', string.sub(raw, 19, 26)) > time then return 0 end
local head = 'R\1' .. ARGV[3] .. struct.pack('>I8', time + ARGV[4])
redis.call('SET', KEYS[1], head .. string.sub(raw, from + 1), 'KEEPTTL')
return 1
