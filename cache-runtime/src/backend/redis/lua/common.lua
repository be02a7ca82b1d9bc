-- What every script begins with: the layout of the states, see state.rs. ARGV[1] is the epoch that values must
-- have to count as values, or empty.
local epoch = ARGV[1]

-- What stands under the key: nil when nothing does. A list or a hash has no bytes of ours: foreign.
local function load(key)
  local raw = redis.pcall('GET', key)
  if type(raw) == 'table' then return '' end
  return raw or nil
end

-- The state's letter; F for foreign data, nil for nothing.
local function state(raw)
  if not raw then return nil end
  local mark = string.sub(raw, 1, 2)
  if mark == 'L\1' and #raw == 18 then return 'L' end
  if mark == 'V\1' and #raw >= 28 then return 'V' end
  if mark == 'R\1' and #raw >= 54 then return 'R' end
  if mark == 'B\1' and #raw >= 27 and (#raw - 3) % 24 == 0 then return 'B' end
  return 'F'
end

-- Where the value's envelope begins, less 1.
local function offset(raw) if string.sub(raw, 1, 1) == 'R' then return 26 else return 0 end end

-- The codec's bytes, where the key has a value of this epoch; else nil.
local function payload(raw)
  local kind = state(raw)
  if kind == 'F' then return raw end
  if kind ~= 'V' and kind ~= 'R' then return nil end
  local from = offset(raw)
  if epoch ~= '' and string.sub(raw, from + 11, from + 18) ~= epoch then return nil end
  return string.sub(raw, from + 29 + struct.unpack('>I2', string.sub(raw, from + 27, from + 28)))
end

local function set(key, raw, px)
  if px == '' then redis.call('SET', key, raw) else redis.call('SET', key, raw, 'PX', px) end
end

-- Says to the writers of a barred key that somebody else wanted to change it.
local function contend(key) redis.call('SETRANGE', key, 2, '\1') end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The writers of a barrier that still live, without the token; whether the token was among them; the contended
-- flag; the last deadline.
local function writers(raw, token)
  local time, kept, found, last = now(), {}, false, 0
  for from = 4, #raw, 24 do
    local deadline = struct.unpack('>I8', string.sub(raw, from + 16, from + 23))
    if deadline > time then
      if string.sub(raw, from, from + 15) == token then
        found = true
      else
        kept[#kept + 1] = string.sub(raw, from, from + 23)
        if deadline > last then last = deadline end
      end
    end
  end
  return kept, found, string.sub(raw, 3, 3) == '\1', last, time
end

local function bar(key, kept, contended, last, time)
  local flag = contended and '\1' or '\0'
  redis.call('SET', key, 'B\1' .. flag .. table.concat(kept), 'PX', string.format('%.0f', last - time))
end

