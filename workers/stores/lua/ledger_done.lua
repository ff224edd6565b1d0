-- Look whether a ledger record is here; note, if so told, that every effect of it is published.
-- KEYS: the conversation's ledger. ARGV: the record's version, which is seq.rejections; 1 to note.
-- When a later record is there by now, it is returned instead: it must be told after this one.
-- '' when the record is gone: this store went back in time.
local held = redis.call('HGET', KEYS[1], 'version') or '-1.0'
if held == ARGV[1] then
  if ARGV[2] == '1' then redis.call('HSET', KEYS[1], 'done', ARGV[1]) end
  return false
end
local function parts(version)
  local seq, rejections = string.match(version, '^(-?%d+)%.(%d+)$')
  return tonumber(seq), tonumber(rejections)
end
local seq, rejections = parts(held)
local own_seq, own_rejections = parts(ARGV[1])
if seq < own_seq or (seq == own_seq and rejections < own_rejections) then
  return ''
end
return redis.call('HGET', KEYS[1], 'record')
