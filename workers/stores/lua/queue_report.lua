-- Keep what a desk said about a queue, unless something later is known.
-- KEYS: the presence hash. ARGV: queue, when it was said (ms), the report.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3])
return 1
