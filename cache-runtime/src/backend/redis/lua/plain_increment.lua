-- Adds to an integer that has no envelope. ARGV: epoch, step, px of a new one. The sum as text, or what is in the way.
if redis.call('EXISTS', KEYS[1]) == 0 then
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
