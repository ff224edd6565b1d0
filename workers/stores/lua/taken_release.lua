-- Makes what was taken due at once, unless something was noted about it since.
-- KEYS: due times. ARGV: name, until when it was taken, now
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) == tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
