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
-- Answer as of `answer()`: 'completed', 'returned', 'corrected', 'fenced' or 'gone'

-- A known outcome must be recorded, also in a full Redis.
can_write()
local index, token, rest, outcome, stop = ARGV[2], ARGV[3], ARGV[9], ARGV[10], ARGV[11]
local accepted, rejected, unknown = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local state, owner, again = state_of(index)
local is_owner = owner == token
local result = redis.call('EXISTS', meta) == 1 and 'fenced' or 'gone'
-- Parts that were accepted before have been counted.
if state == 'inflight' then
  local _, _, recorded = parts_of(redis.call('HGET', chunks, index) or '')
  accepted = accepted - recorded
end
local function count()
  add('accepted', accepted)
  add('rejected', rejected)
  add('unknown', unknown)
  add('requests', tonumber(ARGV[7]))
  add('throttled', tonumber(ARGV[8]))
  if outcome ~= '' then
    -- By one clock, since the report lists them in the order of their ends.
    redis.call('HSET', outcomes, index .. ':' .. token, '{"at":' .. string.format('%.0f', now()) .. ',' .. string.sub(outcome, 2))
  end
end
if is_owner and state == 'claimed' then
  redis.call('HSET', ledger, index, 'pending:' .. token)
  if stop ~= '' and get('stop') == '' then redis.call('HSET', meta, 'stop', stop, 'stopError', ARGV[12]) end
  end_if_over()
  result = 'returned'
elseif is_owner and state == 'inflight' then
  count()
  if rest == '' then
    redis.call('HDEL', chunks, index)
    redis.call('HDEL', ledger, index)
    add('completed', 1)
    add('inflight', -1)
    result = 'completed'
  else
    redis.call('HSET', chunks, index, rest)
    if again == 'resend' then
      -- It may have been accepted once, so it is not pending again.
      redis.call('HSET', ledger, index, 'resend:' .. token)
    else
      redis.call('HSET', ledger, index, 'pending:' .. token)
      add('inflight', -1)
    end
    result = 'returned'
  end
  if stop ~= '' and get('stop') == '' then redis.call('HSET', meta, 'stop', stop, 'stopError', ARGV[12]) end
  keep_open()
  end_if_over()
elseif is_owner and state == 'unknown' and rest == '' and get('ended') == '' then
  -- The worker that counted as lost knows the outcome, and it was not reported yet.
  add('unknown', -(accepted + rejected + unknown))
  redis.call('HDEL', outcomes, index .. ':' .. token)
  redis.call('HDEL', ledger, index)
  count()
  result = 'corrected'
elseif is_owner and (state == 'pending' or state == 'resend') then
  result = 'returned'
elseif state == '' and rest == '' and result ~= 'gone' and get('onUnknown') ~= 'resend' then
  -- Only the worker that sent all of a chunk completes it, unless it is sent again.
  result = 'completed'
end
return answer(result)
