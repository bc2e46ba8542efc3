-- Says whether a chunk may be sent now. From here on, it is in flight.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
--        4   of a chunk that is sent in parts: recipients in flight
--        5   the other recipients
--        6   number accepted so far
-- Answer true or false

local index, token = ARGV[2], ARGV[3]
if redis.call('EXISTS', meta) == 0 or get('stop') ~= '' then return 'false' end
local state, owner, again = state_of(index)
if owner ~= token or state ~= 'claimed' and state ~= 'inflight' then return 'false' end
-- If the chunk may have been accepted before, all of its parts may have been.
if again == '' and ARGV[4] then
  local _, _, recorded = parts_of(redis.call('HGET', chunks, index))
  redis.call('HSET', chunks, index, ARGV[4] .. '|' .. ARGV[5] .. '|' .. ARGV[6])
  add('accepted', tonumber(ARGV[6]) - recorded)
end
if state == 'claimed' then
  redis.call('HSET', ledger, index, 'inflight:' .. token)
  add('inflight', 1)
end
return 'true'
