-- Keeps the latest request for a ticket, unless it is not greater than the one that is kept.
-- KEYS: the ticket's work, due times. ARGV: epoch, seq, request, id, now, kept for (ms)
local rank = ARGV[1] .. '.' .. ARGV[2]
local kept = redis.call('HGET', KEYS[1], 'rank')
if kept then
  local epoch, seq = string.match(kept, '(%d+)%.(%d+)')
  epoch, seq = tonumber(epoch), tonumber(seq)
  local new_epoch, new_seq = tonumber(ARGV[1]), tonumber(ARGV[2])
  if new_epoch < epoch or (new_epoch == epoch and new_seq < seq) then
    return 0
  end
  if rank == kept and redis.call('HGET', KEYS[1], 'given up') ~= rank then
    return 0
  end
end
redis.call('HSET', KEYS[1], 'rank', rank, 'request', ARGV[3])
-- One that was given up comes again under its rank.
redis.call('HINCRBY', KEYS[1], 'asked', 1)
redis.call('HDEL', KEYS[1], 'given up')
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if tonumber(redis.call('HGET', KEYS[1], 'held') or '0') <= tonumber(ARGV[5]) then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
end
return 1
