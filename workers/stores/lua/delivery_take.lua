-- Takes the conversations that are due, for a while.
-- KEYS: due times. ARGV: now, until when they are taken, how many
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, conversation in ipairs(due) do
  redis.call('ZADD', KEYS[1], ARGV[2], conversation)
end
return due
