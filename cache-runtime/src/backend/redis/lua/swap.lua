-- Stores other bytes in place of exactly those that were seen, and keeps the time to live. ARGV: epoch, seen,
-- new. 1: stored.
if load(KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
return 1
