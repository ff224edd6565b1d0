-- Note how far the ledger topic is in this store; it never goes back.
-- KEYS: the positions. ARGV: partition, offset, partition, offset…
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or tonumber(known) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
