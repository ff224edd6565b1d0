-- Takes the tickets that are due, for a while; what is forgotten is due no more.
-- KEYS: due times. ARGV: now, until when they are taken, how many, what their keys begin with
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
local taken = {}
for _, id in ipairs(due) do
  if redis.call('EXISTS', ARGV[4] .. id) == 1 then
    redis.call('ZADD', KEYS[1], ARGV[2], id)
    redis.call('HSET', ARGV[4] .. id, 'held', ARGV[2])
    taken[#taken + 1] = id
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return taken
