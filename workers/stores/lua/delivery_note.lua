-- Notes what a vendor says of a conversation, unless it said something later before.
-- KEYS: what is known of the conversation. ARGV: kept for (ms), when it was so or '', fields
local at = tonumber(ARGV[2])
local noted = tonumber(redis.call('HGET', KEYS[1], 'noted_at') or '')
if at and noted and at < noted then
  return
end
if at then
  redis.call('HSET', KEYS[1], 'noted_at', ARGV[2])
end
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
