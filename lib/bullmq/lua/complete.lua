-- Records the outcome of a chunk. If it runs again after its answer was lost, it answers `completed` or `returned`
-- again.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
--        4   accepted recipients
--        5   rejected ones
--        6   unknown ones
--        7   requests
--        8   throttled requests
--        9   recipients that were not sent to, and are pending again
--        10  reported outcome, as JSON, or ''
--        11  why the fan-out is stopped, or ''
--        12  the error of that, as JSON, or ''
-- Result 'completed', 'returned', 'corrected' or 'fenced'

-- A known outcome must be recorded, also in a full Redis.
can_write()
local index, token, rest, outcome, stop = ARGV[2], ARGV[3], ARGV[9], ARGV[10], ARGV[11]
local state, owner, again = state_of(index)
local is_owner = owner == token
local _, _, recorded = parts_of(index)
local lost = redis.call('HGET', outcomes, index .. ':' .. token)
local result = 'fenced'
local function count()
  -- Parts that were accepted before have been counted.
  add('accepted', tonumber(ARGV[4]) - recorded)
  for i, field in ipairs({'rejected', 'unknown', 'requests', 'throttled'}) do add(field, ARGV[4 + i]) end
  if outcome ~= '' then
    -- By one clock, since the report lists them in the order of their ends.
    redis.call('HSET', outcomes, index .. ':' .. token, '{"at":' .. string.format('%.0f', now()) .. ',' .. string.sub(outcome, 2))
  end
  keep()
end
if is_owner and state == 'inflight' then
  count()
  if rest == '' then
    redis.call('HDEL', chunks, index)
    redis.call('HDEL', ledger, index)
    add('completed', 1)
    add('inflight', -1)
    result = 'completed'
  else
    -- If it may have been accepted once, it is not pending again.
    if again == '' then
      state = 'pending'
      add('inflight', -1)
    end
    redis.call('HSET', chunks, index, rest)
    redis.call('HSET', ledger, index, state .. ':' .. token .. '.returned' .. again)
    result = 'returned'
  end
elseif is_owner and state == 'pending' then
  redis.call('HSET', ledger, index, 'pending:' .. token .. '.returned')
  result = 'returned'
elseif is_owner and state == 'unknown' and lost and rest == '' and get('ended') == '' then
  -- The worker that counted as lost knows the outcome, and it was not reported yet.
  local presumed = cjson.decode(lost).chunks[1].recipients
  add('unknown', -presumed)
  recorded = ARGV[4] + ARGV[5] + ARGV[6] - presumed
  redis.call('HDEL', outcomes, index .. ':' .. token)
  redis.call('HDEL', ledger, index)
  count()
  result = 'corrected'
elseif owner == token .. '.returned' then
  result = 'returned'
elseif state == '' and rest == '' and get('onUnknown') ~= 'resend' then
  -- Only the worker that sent all of a chunk completes it, unless it is sent again.
  result = 'completed'
end
if is_owner and stop ~= '' and get('stop') == '' then redis.call('HSET', meta, 'stop', stop, 'stopError', ARGV[12]) end
return answer(result)
