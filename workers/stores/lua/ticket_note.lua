-- Notes how far the work on a ticket is, unless somebody else has noted something meanwhile.
-- KEYS: the ticket's work, due times. ARGV: progress as it was, as it is now, id, how often it had been
-- asked for when it was taken, due, 'held' or 'never', now, kept for (ms), rank given up or ''
if (redis.call('HGET', KEYS[1], 'progress') or '') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'progress', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[1], 'given up', ARGV[8])
end
if ARGV[5] == 'held' then
  return 1
end
redis.call('HDEL', KEYS[1], 'held')
if redis.call('HGET', KEYS[1], 'asked') ~= ARGV[4] then
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[3])
elseif ARGV[5] == 'never' then
  redis.call('ZREM', KEYS[2], ARGV[3])
else
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[3])
end
return 1
