-- Give up the place of an escalation, wherever it has one.
-- KEYS: the past claims of the queue that it was claimed on (or any key), all waiting sets.
-- ARGV: escalation id, the past claim to remember ('' for none), how many are remembered.
-- The claim is remembered once, however often this is repeated.
local held = 0
for i = 2, #KEYS do
  held = held + redis.call('ZREM', KEYS[i], ARGV[1])
end
if held > 0 and ARGV[2] ~= '' then
  redis.call('LPUSH', KEYS[1], ARGV[2])
  redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
end
return held
