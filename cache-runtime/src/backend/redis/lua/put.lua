-- Stores a value over anything but a barrier. ARGV: epoch, value, px. 1: stored.
if state(load(KEYS[1])) == 'B' then contend(KEYS[1]); return 0 end
set(KEYS[1], ARGV[2], ARGV[3])
return 1
