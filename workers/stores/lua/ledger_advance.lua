-- Note how far the ledger topic is in this store; it never goes back, and never over a gap.
-- KEYS: the positions; the witness, without which this store is not the one that was looked at:
-- then nothing is raised, and the answer is none. ARGV: partition, start, end, partition, start, end…, each of records that
-- are here; what lies between the position and a start may have been lost by a store that went
-- back in time, and is then left to be read again. Returns partition, position, partition, …
if not redis.call('GET', KEYS[2]) then
  return false
end
local reached = {}
for i = 1, #ARGV, 3 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0)
  local first, past = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  if known >= first and past > known then
    redis.call('HSET', KEYS[1], ARGV[i], past)
    known = past
  end
  reached[#reached + 1] = tonumber(ARGV[i])
  reached[#reached + 1] = known
end
return reached
