-- Everything a chunk changes, at once or not at all, if the mark is still the end of the one before.
-- KEYS[1] the mark; the other keys of the partition share its name up to "mark" and its slot.
-- ARGV: expected mark ("" for none), new mark, its offset, msgpack plan, blobs
-- plan: {ttl seconds, lengths of the blobs, changes, outbox fields, dropped outbox fields,
--        meta fields, dropped meta fields, latest}
-- change: {conversation, fresh, open, due or "", number of turns, ids}; blobs: state, turns
-- latest: {conversation, kept}; a blob when kept
-- Reply: "" when applied, now or by an earlier attempt of this very chunk; else the mark found
local base = string.sub(KEYS[1], 1, -5)
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then
  if found == ARGV[2] then return '' end
  return found
end

local plan, blobs = cmsgpack.unpack(ARGV[4]), ARGV[5]
local ttl, lengths = plan[1], plan[2]
local index, position = 0, 1
local function blob()
  index = index + 1
  local stop = position + lengths[index]
  local piece = string.sub(blobs, position, stop - 1)
  position = stop
  return piece
end

for _, change in ipairs(plan[3]) do
  local name, fresh, open, due, turns, ids = unpack(change)
  local transcript, known = base .. 't:' .. name, base .. 'i:' .. name
  if fresh then redis.call('DEL', transcript, known) end
  local state = blob()
  if open then
    redis.call('SET', base .. 's:' .. name, state)
  else
    redis.call('SET', base .. 's:' .. name, state, 'EX', ttl)
  end
  for _ = 1, turns do redis.call('RPUSH', transcript, blob()) end
  for i = 1, #ids, 1000 do
    redis.call('SADD', known, unpack(ids, i, math.min(i + 999, #ids)))
  end
  if open then
    redis.call('PERSIST', transcript)
    redis.call('PERSIST', known)
  else
    redis.call('EXPIRE', transcript, ttl)
    redis.call('EXPIRE', known, ttl)
  end
  if due == '' then
    redis.call('ZREM', base .. 'timers', name)
  else
    redis.call('ZADD', base .. 'timers', due, name)
  end
end

for _, field in ipairs(plan[4]) do redis.call('HSET', base .. 'outbox', field, blob()) end
for _, field in ipairs(plan[5]) do redis.call('HDEL', base .. 'outbox', field) end
for _, field in ipairs(plan[6]) do redis.call('HSET', base .. 'meta', field, blob()) end
for _, field in ipairs(plan[7]) do redis.call('HDEL', base .. 'meta', field) end
for _, last in ipairs(plan[8]) do
  if last[2] then
    redis.call('HSET', base .. 'latest', last[1], blob())
  else
    redis.call('HDEL', base .. 'latest', last[1])
  end
end

local alone = redis.call('HGET', base .. 'trying', 'alone')
if alone and tonumber(alone) > tonumber(ARGV[3]) then
  redis.call('HDEL', base .. 'trying', 'offset', 'token', 'count')
else
  redis.call('DEL', base .. 'trying')
end
redis.call('SET', KEYS[1], ARGV[2])
return ''
