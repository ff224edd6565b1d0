-- Takes the routes that are due, for a while, each with the notifications of its next message.
-- A message that was begun keeps the notifications that it has.
-- KEYS: due times, the counter of messages.
-- ARGV: now, until when they are taken, how many routes, what keys of their lists and of their
-- messages begin with, notifications in one message at most
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
local taken = {}
for _, route in ipairs(due) do
  local waiting, message = ARGV[4] .. route, ARGV[5] .. route
  local count = tonumber(redis.call('HGET', message, 'count') or '0')
  if count == 0 then
    count = math.min(redis.call('LLEN', waiting), tonumber(ARGV[6]))
    if count > 0 then
      local token = redis.call('INCR', KEYS[2])
      redis.call('HSET', message, 'count', count, 'token', token, 'attempts', 0, 'since', ARGV[1])
    end
  end
  if count > 0 then
    redis.call('ZADD', KEYS[1], ARGV[2], route)
    local state = redis.call('HMGET', message, 'token', 'attempts', 'since')
    taken[#taken + 1] = {route, state[1], state[2], state[3], redis.call('LRANGE', waiting, 0, count - 1)}
  else
    redis.call('ZREM', KEYS[1], route)
  end
end
return taken
