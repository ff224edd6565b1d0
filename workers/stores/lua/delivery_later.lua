-- Puts a conversation off, with what was done of its first message.
-- KEYS: its messages, due times. ARGV: the entry as it was taken, as it is now, conversation, due
if redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then
  redis.call('LSET', KEYS[1], 0, ARGV[2])
end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
