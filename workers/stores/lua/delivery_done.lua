-- Drops the first message of a conversation, if it is still the one that was delivered.
-- KEYS: its messages, due times, what is known. ARGV: the entry as it was taken, conversation, now, field or ''
if redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then
  redis.call('LPOP', KEYS[1])
  if ARGV[4] ~= '' then
    redis.call('HSET', KEYS[3], ARGV[4], '1')
  end
end
if redis.call('LLEN', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
else
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
end
