-- The end of a transcript, as much of it as is wanted at once.
-- KEYS: the transcript. ARGV: the first and the last index, how many bytes: the turn that goes
-- beyond them is left out, with all before it, unless it is the last. Returns turns, oldest first.
local first, room = tonumber(ARGV[1]), tonumber(ARGV[3])
local last = math.min(tonumber(ARGV[2]), redis.call('LLEN', KEYS[1]) - 1)
local found = {}
while last >= first do
  local from = math.max(first, last - 7)
  local rows = redis.call('LRANGE', KEYS[1], from, last)
  for i = #rows, 1, -1 do
    room = room - #rows[i]
    if room < 0 and #found > 0 then
      first = last + 1
      break
    end
    found[#found + 1] = rows[i]
  end
  last = from - 1
end
local turns = {}
for i = #found, 1, -1 do
  turns[#turns + 1] = found[i]
end
return turns
