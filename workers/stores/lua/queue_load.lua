-- What is known of the load, as one reply, which a client reads much faster than one for each queue.
-- KEYS: since when this store has heard of desks, what they said, the waiting sets of all queues.
-- ARGV: now (ms), the queues. Reply: msgpack {since or "", what each desk said or "", who waits}
local since = redis.call('GET', KEYS[1])
if not since then redis.call('SET', KEYS[1], ARGV[1]) end
local said = redis.call('HMGET', KEYS[2], unpack(ARGV, 2))
local waiting = {}
for i = 3, #KEYS do
  said[i - 2] = said[i - 2] or ''
  waiting[i - 2] = redis.call('ZCARD', KEYS[i])
end
return cmsgpack.pack({since or '', said, waiting})
