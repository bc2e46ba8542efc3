-- Records the outcome of a chunk. If it runs again after its answer was lost, it answers `completed` or `returned`
-- again.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
--        4   the `ChunkCompletion`, as JSON
-- Answer 'completed', 'returned' or 'fenced'

-- A known outcome must be recorded, also in a full Redis.
can_write()
local index, token, done = ARGV[2], ARGV[3], cjson.decode(ARGV[4])
local counts, rest = done.counts, table.concat(done.rest, ',')
local state, owner, again = state_of(index)
local is_owner = owner == token
local _, _, recorded = parts_of(index)
local outcome_field = index .. ':' .. token
local lost = redis.call('HGET', outcomes, outcome_field)
local result = 'fenced'
if is_owner and state == 'unknown' and lost and get('ended') == '' then
  -- The worker that counted as lost knows the outcome, and it was not reported yet: the chunk is in flight once more.
  local presumed = cjson.decode(lost).chunks[1]
  state, again = 'inflight', presumed.possibleDuplicate and ':resend' or ''
  recorded = counts.accepted + counts.rejected + counts.unknown + #done.rest - presumed.recipients
  redis.call('HDEL', outcomes, outcome_field)
  add('unknown', -presumed.recipients)
  add('completed', -1)
  add('inflight', 1)
end
if is_owner and state == 'inflight' then
  -- Parts that were accepted before have been counted.
  add('accepted', counts.accepted - recorded)
  add('rejected', counts.rejected)
  add('unknown', counts.unknown)
  add('requests', done.requests)
  add('throttled', done.throttled)
  if done.outcome then
    -- By one clock, since the report lists them in the order of their ends.
    local at = string.format('{"at":%.0f,', now())
    redis.call('HSET', outcomes, outcome_field, at .. string.sub(done.outcome, 2))
  end
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
  keep()
elseif is_owner and state == 'pending' then
  redis.call('HSET', ledger, index, 'pending:' .. token .. '.returned')
  result = 'returned'
elseif owner == token .. '.returned' then
  result = 'returned'
elseif state == '' and rest == '' and get('onUnknown') ~= 'resend' then
  -- Only the worker that sent all of a chunk completes it, unless it is sent again.
  result = 'completed'
end
if is_owner and done.stop and get('stop') == '' then
  set('stop', done.stop.reason, 'stopError', done.stop.error)
end
return answer(result)
