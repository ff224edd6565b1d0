-- Keep what a desk said about a queue, unless something later is known.
-- KEYS: the presence hash. ARGV: queue and desk, when it was said (ms), the report, the age (ms)
-- at which what others said is forgotten.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[2]) then
  return 0
end
local said = redis.call('HGETALL', KEYS[1])
for i = 1, #said, 2 do
  if tonumber(string.match(said[i + 1], '^%d+')) < tonumber(ARGV[2]) - tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], said[i])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3])
return 1
