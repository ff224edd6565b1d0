-- Keeps a notification for a route, once.
-- KEYS: that it is known, the route's notifications, when it may be told again, due times.
-- ARGV: entry, route, now, kept for (ms)
if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[4]) then
  return 0
end
redis.call('RPUSH', KEYS[2], ARGV[1])
if not redis.call('ZSCORE', KEYS[4], ARGV[2]) then
  local free = tonumber(redis.call('GET', KEYS[3]) or '0')
  redis.call('ZADD', KEYS[4], math.max(free, tonumber(ARGV[3])), ARGV[2])
end
return 1
