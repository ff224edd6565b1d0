-- What is known of the load, as one reply, which a client reads much faster than one for each queue.
-- KEYS: since when this store has heard of desks, what they said, the waiting sets of all queues.
-- ARGV: now (ms). Reply: msgpack {since or "", {desk, what it said, ...}, who waits}
local since = redis.call('GET', KEYS[1])
if not since then redis.call('SET', KEYS[1], ARGV[1]) end
local said = redis.call('HGETALL', KEYS[2])
local waiting = {}
for i = 3, #KEYS do
  waiting[i - 2] = redis.call('ZCARD', KEYS[i])
end
return cmsgpack.pack({since or '', said, waiting})
