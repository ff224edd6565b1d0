-- Drops the notifications of a message that was sent or given up; the route's next waits.
-- KEYS: the message, the route's notifications, when it may be told again, due times, and those by
-- which what is given up is known.
-- ARGV: token, route, when the next may be sent, for how long that is kept (ms)
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  return 0
end
redis.call('LTRIM', KEYS[2], redis.call('HGET', KEYS[1], 'count'), -1)
redis.call('DEL', KEYS[1])
for index = 5, #KEYS do
  redis.call('DEL', KEYS[index])
end
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
if redis.call('LLEN', KEYS[2]) > 0 then
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[2])
else
  redis.call('ZREM', KEYS[4], ARGV[2])
end
return 1
