-- Note that every effect of a ledger record is published.
-- KEYS: the conversation's ledger. ARGV: the record's version.
-- When another record is there by now, it is returned instead: it must be the last on the topic.
if redis.call('HGET', KEYS[1], 'version') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'done', ARGV[1])
  return false
end
return redis.call('HGET', KEYS[1], 'record')
