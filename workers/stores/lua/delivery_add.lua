-- Keeps a message for a conversation, unless it is not greater than the last of its kind.
-- KEYS: what is known of the conversation, its messages, the due times of all conversations
-- ARGV: kind, epoch, seq, revision, entry, conversation, now, kept for (ms), group, known fields
local rank = ARGV[2] .. '.' .. ARGV[3] .. '.' .. ARGV[4]

-- Whether the rank is greater than one that was kept (1), equal (0) or less (-1).
local function compared(kept)
  if not kept then
    return 1
  end
  local parts = {string.match(kept, '(%d+)%.(%d+)%.(%d+)')}
  for i = 1, 3 do
    local new, old = tonumber(ARGV[i + 1]), tonumber(parts[i])
    if new ~= old then
      return new > old and 1 or -1
    end
  end
  return 0
end

local retried = redis.call('HDEL', KEYS[1], 'given up:' .. ARGV[1] .. ':' .. rank)
local order = compared(redis.call('HGET', KEYS[1], 'last:' .. ARGV[1]))
if order < 0 or (order == 0 and retried == 0) then
  return 0
end
redis.call('HSET', KEYS[1], 'last:' .. ARGV[1], rank)
if compared(redis.call('HGET', KEYS[1], 'known at:' .. ARGV[9])) >= 0 then
  redis.call('HSET', KEYS[1], 'known at:' .. ARGV[9], rank)
  for i = 10, #ARGV, 2 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[8])
if ARGV[5] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[8])
  redis.call('ZADD', KEYS[3], 'NX', ARGV[7], ARGV[6])
end
return 1
