-- Take a place on one queue for an escalation, giving up the one it may have on any other.
-- KEYS: the queue's waiting set, its past claims, the waiting sets of all other queues.
-- ARGV: escalation id, how many may wait, now (ms). Returns {0} when the queue is full, else
-- {1, how many were there before it, the past claims with blanks between}. Doing it twice is doing
-- it once.
local ahead = redis.call('ZCARD', KEYS[1])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  ahead = ahead - 1
elseif ahead >= tonumber(ARGV[2]) then
  return {0}
else
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
for i = 3, #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[1])
end
return {1, ahead, table.concat(redis.call('LRANGE', KEYS[2], 0, -1), ' ')}
