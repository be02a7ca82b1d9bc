-- Takes from a quota. ARGV: epoch, `window` or `smooth`, cost, limit, microseconds: the length of the window, or the
-- interval. {1 if admitted, how much is left, time until all is there again, time until this may be admitted}, the
-- times in microseconds; the last is -1 where it never may. Nothing where the key is barred.
local cost, limit, span = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local raw = load(KEYS[1])
if state(raw) == 'B' then return {} end
local found = raw and string.match(raw, '^%d+$') and tonumber(raw)
local admitted, remaining, reset, retry

if ARGV[2] == 'window' then
  -- A count without an end is none of ours.
  local left = redis.call('PTTL', KEYS[1])
  if not found or left <= 0 then found, left = 0, 0 end
  admitted = found + cost <= limit
  if admitted and cost > 0 then
    if left > 0 then
      redis.call('INCRBY', KEYS[1], ARGV[3])
    else
      left = math.ceil(span / 1000)
      redis.call('SET', KEYS[1], ARGV[3], 'PX', string.format('%.0f', left))
    end
    found = found + cost
  end
  remaining, reset, retry = math.max(limit - found, 0), left * 1000, left * 1000
else
  -- The time at which nothing is used any more stands under the key, and ends it.
  local time = redis.call('TIME')
  local clock = time[1] * 1000000 + time[2]
  local whole = limit * span
  -- Never beyond the whole: the server's clock may have been set back.
  local left = math.min(math.max((found or 0) - clock, 0), whole)
  local after = left + cost * span
  admitted = after <= whole
  if admitted and cost > 0 then
    left = after
    local px = math.ceil(left / 1000)
    redis.call('SET', KEYS[1], string.format('%.0f', clock + left), 'PX', string.format('%.0f', px))
  end
  remaining, reset, retry = math.floor((whole - left) / span), left, after - whole
end
if cost > limit then retry = -1 end
return {admitted and 1 or 0, remaining, reset, retry}
