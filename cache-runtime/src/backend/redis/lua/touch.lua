-- Gives a value a new end. ARGV: epoch, px or empty, the deadline for the envelope, a new id. 1: it was there.
local raw = load(KEYS[1])
if not payload(raw) then return 0 end
local kind = state(raw)
if kind ~= 'F' then
  redis.call('SETRANGE', KEYS[1], offset(raw) + 18, ARGV[3])
  redis.call('SETRANGE', KEYS[1], offset(raw) + 2, ARGV[4])
end
if ARGV[2] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
