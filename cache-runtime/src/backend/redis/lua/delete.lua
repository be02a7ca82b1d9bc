-- Removes all but barriers. ARGV: epoch. How many values there were.
local removed = 0
for _, key in ipairs(KEYS) do
  local raw = load(key)
  local kind = state(raw)
  if kind == 'B' then
    contend(key)
  elseif kind then
    if payload(raw) then removed = removed + 1 end
    redis.call('UNLINK', key)
  end
end
return removed
