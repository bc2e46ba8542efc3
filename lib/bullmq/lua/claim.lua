-- Gives a worker its chunk, which stays pending until there is a permit for it.
--
-- A token is `<job>.<run>.<random>`. A chunk that is in flight with an earlier run was left behind: the queue gives
-- a job to one worker at a time, and to another one only after the first was silent for long. A worker that wakes up
-- then, and asks for a chunk that a later run has, gets nothing.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
-- Answer {result: 'send', chunk}, or as of `answer()`: 'presumed_unknown', 'gone', 'completed', 'stopped' or
--        'superseded'

if redis.call('EXISTS', meta) == 0 then return answer('gone') end
stop_if_lost()
end_if_over()
local index, token = ARGV[2], ARGV[3]
local state, owner, again = state_of(index)
if state == '' or state == 'unknown' then return answer('completed') end
local is_inflight = state == 'inflight' or state == 'resend'
if state == 'pending' then owner = token end
-- The outcome that the worker reported when it returned the chunk is stored under its token.
if state == 'resend' then owner, again = 'none', 'resend' end
local stopped = get('stop') ~= ''
if owner ~= token then
  local job, run = string.match(token, '^(%d+)%.(%d+)%.')
  local other_job, other_run = string.match(owner, '^(%d+)%.(%d+)%.')
  if job == other_job and tonumber(run) < tonumber(other_run) then return answer('superseded') end
end
if is_inflight and owner ~= token then
  if get('onUnknown') == 'resend' and not stopped then
    again = 'resend'
  else
    local recipients, rest = parts_of(redis.call('HGET', chunks, index) or '')
    local count = count_of(recipients)
    redis.call('HSET', outcomes, index .. ':' .. owner, cjson.encode({
      chunks = {{ outcome = 'unknown', recipients = count, attempts = 0, possibleDuplicate = again ~= '', lost = true }},
      unknown = recipients, at = now()
    }))
    add('unknown', count)
    add('inflight', -1)
    if rest == '' then
      redis.call('HSET', ledger, index, 'unknown:' .. owner)
      redis.call('HDEL', chunks, index)
      add('completed', 1)
    else
      redis.call('HSET', ledger, index, 'pending')
      redis.call('HSET', chunks, index, rest)
    end
    keep_open()
    end_if_over()
    if rest == '' then return answer('presumed_unknown') end
    if stopped then return answer('stopped') end
    is_inflight = false
  end
elseif stopped then
  return answer('stopped')
end
local in_flight, rest = parts_of(redis.call('HGET', chunks, index))
local recipients = join(in_flight, rest)
if rest ~= '' and owner ~= token then redis.call('HSET', chunks, index, recipients) end
local mark = again == '' and '' or ':resend'
redis.call('HSET', ledger, index, (is_inflight and 'inflight:' or 'claimed:') .. token .. mark)
if get('beginEmittedBy') == '' then redis.call('HSET', meta, 'beginEmittedBy', token) end
return cjson.encode({result = 'send', chunk = {
  recipients = recipients,
  wire = {Binary = get('binary') == '1', Message = redis.call('GET', message)},
  roomId = get('roomId'),
  from = optional('from'),
  onUnknown = optional('onUnknown'),
  -- Whether it may have been accepted before.
  possibleDuplicate = mark ~= '',
  startedAt = number('created'),
  -- Whether the worker is to emit the beginning of the fan-out as an event.
  isFirst = get('beginEmittedBy') == token
}})
