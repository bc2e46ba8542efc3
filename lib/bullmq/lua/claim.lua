-- Gives a worker its chunk, which stays pending until there is a permit for it.
--
-- A token is `<job>.<run>.<random>`. A chunk that is in flight with an earlier run was left behind: the queue gives
-- a job to one worker at a time, and to another one only after the first was silent for long. A worker that wakes up
-- then, and asks for a chunk that a later run has, gets nothing.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
-- Answer 'send' with the chunk, 'presumed_unknown', 'completed', 'stopped' or 'superseded'

stop_if_lost()
local index, token = ARGV[2], ARGV[3]
local state, owner, again = state_of(index)
if state == '' or state == 'unknown' then return answer('completed') end
local job, run = string.match(token, '^(%d+)%.(%d+)%.')
local other_job, other_run = string.match(owner, '^(%d+)%.(%d+)%.')
if job == other_job and tonumber(run) < tonumber(other_run) then return answer('superseded') end
local is_stopped = get('stop') ~= ''
local in_flight, rest = parts_of(index)
if state == 'inflight' and owner ~= token then
  if get('onUnknown') == 'resend' and not is_stopped then
    again = ':resend'
    if rest ~= '' then in_flight, rest = in_flight .. ',' .. rest, '' end
    redis.call('HSET', chunks, index, in_flight)
  else
    local _, commas = string.gsub(in_flight, ',', ',')
    redis.call('HSET', outcomes, index .. ':' .. owner, cjson.encode({
      chunks = {{
        outcome = 'unknown', recipients = commas + 1, attempts = 0, possibleDuplicate = again ~= '', lost = true
      }},
      unknown = in_flight, at = now()
    }))
    add('unknown', commas + 1)
    add('inflight', -1)
    keep()
    if rest == '' then
      redis.call('HSET', ledger, index, 'unknown:' .. owner)
      redis.call('HDEL', chunks, index)
      add('completed', 1)
      return answer('presumed_unknown')
    end
    state, again, in_flight = 'pending', '', rest
    redis.call('HSET', ledger, index, 'pending')
    redis.call('HSET', chunks, index, rest)
  end
end
if is_stopped then return answer('stopped') end
redis.call('HSET', ledger, index, state .. ':' .. token .. again)
if get('beginEmittedBy') == '' then set('beginEmittedBy', token) end
return answer('send', {
  recipients = in_flight,
  message = redis.call('GET', message),
  -- Whether it may have been accepted before.
  possibleDuplicate = again ~= ''
})
