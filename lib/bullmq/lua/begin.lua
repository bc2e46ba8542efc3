-- Gives a worker its chunk, to be held until there is a permit for it.
--
-- A token is `<job>.<run>.<random>`. A chunk that is in flight with an earlier run was left behind: the queue
-- gives a job to one worker at a time, and to another one only when the first has not been heard of for long.
-- Whoever wakes up then, and asks for a chunk that a later run has, gets nothing.
--
-- ARGV   1   the fan-out's ID
--        2   index of the chunk
--        3   token of the worker
-- Answer {'send', recipients, message, binary, room's ID, from, onUnknown, whether it may have been accepted
--        before}, {'presumed_unknown', how many}, {'gone'}, {'settled'}, {'stopped'} or {'superseded'}

if redis.call('EXISTS', meta) == 0 then return {'gone'} end
local index, token = ARGV[2], ARGV[3]
local entry = redis.call('HGET', ledger, index)
if not entry then return {'settled'} end
local step, mark = string.sub(entry, 1, 1), string.sub(entry, -2) == ':d' and ':d' or ''
if step == 'u' then return {'settled'} end
local holder = string.match(entry, '^[ih]:([^:]+)') or token
local stopped = get('stop') ~= ''
if holder ~= token then
  local job, run = string.match(token, '^(%d+)%.(%d+)%.')
  local other_job, other_run = string.match(holder, '^(%d+)%.(%d+)%.')
  if job == other_job and tonumber(run) < tonumber(other_run) then return {'superseded'} end
end
if step == 'i' and holder ~= token then
  if get('onUnknown') == 'resend' and not stopped then
    mark = ':d'
  else
    local recipients, rest = parts_of(redis.call('HGET', chunks, index) or '')
    local count = count_of(recipients)
    redis.call('HSET', outcomes, index .. ':' .. holder, cjson.encode({
      chunks = {{ outcome = 'unknown', recipients = count, attempts = 0, possibleDuplicate = mark ~= '', lost = true }},
      unknown = recipients, at = now()
    }))
    add('unknown', count)
    add('inflight', -1)
    if rest == '' then
      redis.call('HSET', ledger, index, 'u:' .. holder)
      redis.call('HDEL', chunks, index)
      add('settled', 1)
    else
      redis.call('HSET', ledger, index, 'p')
      redis.call('HSET', chunks, index, rest)
    end
    keep_open()
    end_if_over()
    if rest == '' then return {'presumed_unknown', count} end
    if stopped then return {'stopped'} end
    step = 'p'
  end
elseif stopped then
  return {'stopped'}
end
local in_flight, rest = parts_of(redis.call('HGET', chunks, index) or nil)
if not in_flight then return {'gone'} end
local recipients = join(in_flight, rest)
if rest ~= '' and holder ~= token then redis.call('HSET', chunks, index, recipients) end
redis.call('HSET', ledger, index, (step == 'i' and 'i:' or 'h:') .. token .. mark)
return {
  'send', recipients, redis.call('GET', message), get('binary'), get('roomId'), get('from'), get('onUnknown'),
  mark == '' and 0 or 1
}
