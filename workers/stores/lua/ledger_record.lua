-- Write the ledger record of a conversation.
-- KEYS: the conversation's ledger. ARGV: the version that must be there ('' for none, '<' for any
-- lower one), the new version, the record, how long to keep it (ms, 0 for ever).
-- A version is seq.rejections. Returns 1 when the record is the one that was given.
local function parts(version)
  local seq, rejections = string.match(version, '^(%d+)%.(%d+)$')
  return tonumber(seq), tonumber(rejections)
end
local held = redis.call('HGET', KEYS[1], 'version') or ''
if ARGV[1] == '<' then
  if held ~= '' then
    local seq, rejections = parts(held)
    local new_seq, new_rejections = parts(ARGV[2])
    if seq > new_seq or (seq == new_seq and rejections >= new_rejections) then
      return 0
    end
  end
elseif held ~= ARGV[1] then
  -- The answer to the same write may have been lost.
  if held == ARGV[2] and redis.call('HGET', KEYS[1], 'record') == ARGV[3] then
    return 1
  end
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
if ARGV[4] == '0' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1
