-- Ends a write. ARGV: epoch, token or empty, 1 if there is an update, the update, px. 1: the update is stored.
local stored = 0
for _, key in ipairs(KEYS) do
  local raw = load(key)
  local alone = ARGV[2] == ''
  local kept, last, time = {}, 0, 0
  if state(raw) == 'B' then
    local found, contended
    kept, found, contended, last, time = writers(raw, ARGV[2])
    alone = (found or alone) and not contended and #kept == 0
  end
  if #kept > 0 then
    -- Its writer could have committed before or after the others.
    bar(key, kept, true, last, time)
  elseif alone and ARGV[3] == '1' then
    set(key, ARGV[4], ARGV[5])
    stored = 1
  elseif raw then
    redis.call('UNLINK', key)
  end
end
return stored
