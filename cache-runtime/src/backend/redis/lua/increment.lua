-- Adds to an integer. ARGV: epoch, step, px of a new one. The sum as text; or the bytes of a value with an
-- envelope, for the caller to count and swap; or what is in the way.
local raw = load(KEYS[1])
local kind = state(raw)
if kind == 'B' then return {'barred'} end
if payload(raw) and kind ~= 'F' then return {'enveloped', raw} end
if kind ~= 'F' then
  set(KEYS[1], ARGV[2], ARGV[3])
  return {'sum', ARGV[2]}
end
local reply = redis.pcall('INCRBY', KEYS[1], ARGV[2])
if type(reply) == 'table' then
  if string.find(reply.err, 'overflow') then return {'overflow'} end
  return {'not-integer'}
end
-- A sum beyond 2^53 is not exact in Lua.
return {'sum', redis.call('GET', KEYS[1])}
