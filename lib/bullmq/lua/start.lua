-- Says whether a chunk may be sent now. If so, it is in flight from here on.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
--        4   recipients in flight, unless that is the whole chunk
--        5   the other recipients
--        6   number accepted so far
-- Answer 'inflight' or 'refused'

local index, token = ARGV[2], ARGV[3]
local state, owner, again = state_of(index)
if get('stop') ~= '' or owner ~= token or state ~= 'pending' and state ~= 'inflight' then return brief('refused') end
-- If the chunk may have been accepted before, all of its parts may have been.
local in_flight, rest, recorded = parts_of(index)
if again == '' and ARGV[4] then
  redis.call('HSET', chunks, index, ARGV[4] .. '|' .. ARGV[5] .. '|' .. ARGV[6])
  add('accepted', tonumber(ARGV[6]) - recorded)
elseif rest ~= '' then
  -- The last part, and of all others it is unknown whether they were accepted.
  redis.call('HSET', chunks, index, in_flight .. ',' .. rest)
end
if state == 'pending' then
  redis.call('HSET', ledger, index, 'inflight:' .. token)
  add('inflight', 1)
end
return brief('inflight')
