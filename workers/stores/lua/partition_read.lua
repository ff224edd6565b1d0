-- What a chunk needs to be folded, in one round trip.
-- KEYS[1] the mark; the other keys of the partition share its name up to "mark" and its slot.
-- ARGV: offset of the chunk's first record, token of this process, msgpack {{conversation, id, ...}, ...}
-- Reply: one string, which clients read at once: the length of the head (4 bytes), the head, the
-- states. Head: msgpack {mark, deaths, alone, the states' lengths (-1: none), "0" or "1" per id}
local base = string.sub(KEYS[1], 1, -5)
local start, token, wanted = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])

-- How many other processes began at this offset and never got further.
local trying = base .. 'trying'
local seen = redis.call('HMGET', trying, 'offset', 'token', 'count', 'alone')
local count = 1
if seen[1] == start then
  count = tonumber(seen[3])
  if seen[2] ~= token then
    count = count + 1
    redis.call('HSET', trying, 'token', token, 'count', count)
  end
else
  redis.call('HSET', trying, 'offset', start, 'token', token, 'count', count)
end

local lengths, states, known = {}, {}, {}
for i, conversation in ipairs(wanted) do
  local name = conversation[1]
  local state = redis.call('GET', base .. 's:' .. name)
  if state then
    lengths[i] = #state
    states[#states + 1] = state
    for j = 2, #conversation do
      known[#known + 1] = redis.call('SISMEMBER', base .. 'i:' .. name, conversation[j])
    end
  else
    lengths[i] = -1
    known[#known + 1] = string.rep('0', #conversation - 1)
  end
end

local head = cmsgpack.pack({
  redis.call('GET', KEYS[1]) or '',
  count - 1,
  seen[4] or '',
  lengths,
  table.concat(known),
})
return struct.pack('>I4', #head) .. head .. table.concat(states)
