-- Shared by the steps of the ledger: it stands before each of them. Each step is atomic.
--
-- KEYS   1   meta       hash: settings and progress of the fan-out
--        2   message    string
--        3   ledger     hash: the state of each chunk that is not completed
--        4   outcomes   hash: reported outcomes of chunks that were not accepted as a whole, by chunk and token
--        5   invalid    list: the first invalid recipients, as JSON
--        6   chunks     hash: the recipients of each chunk that is not completed
--        7   producers  sorted set: producers, by the time at which they have been silent for too long
--        8   active     set: the IDs of fan-outs whose end no worker has emitted as an event
-- ARGV   1   the fan-out's ID; more of them with each step
-- Answer as of `answer()`, with a result that the step's head names
--
-- A chunk goes from pending to inflight to accepted, rejected or unknown. Entries of the ledger, with a worker's token:
--
-- - `pending`: no byte of it was sent. `pending:<token>`: and its worker waits for a permit
-- - `inflight:<token>`: written when the worker has its permit, before bytes leave
-- - `unknown:<token>`: presumed unknown, since the worker was lost
-- - absent: completed. Its recipients were counted
--
-- When a worker returns a chunk, `.returned` is added to its token. So the worker can no longer start the chunk.
--
-- The recipients of a chunk that is sent in parts are `<in flight>|<the rest>|<number accepted>`. If its worker is
-- lost, only those in flight are unknown.
--
-- With `onUnknown: 'resend'`, a chunk that may have been accepted before is sent again. Its entry is
-- `inflight:<token>:resend`, also while no worker has it.
--
-- A client that reconnects repeats commands that were not answered. So each script gives the same result, or does
-- nothing, when it runs twice.

local meta, message, ledger, outcomes, invalid, chunks, producers, active = unpack(KEYS)
local id = ARGV[1]

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
-- The fields of the meta hash: they are read once, since each command costs time.
local flat, fields = redis.call('HGETALL', meta), {}
for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
local function get(field) return fields[field] or '' end
local function number(field) return tonumber(get(field)) or 0 end
local function set(...)
  local given = {...}
  redis.call('HSET', meta, ...)
  for i = 1, #given, 2 do fields[given[i]] = given[i + 1] end
end
local function add(field, amount) fields[field] = redis.call('HINCRBY', meta, field, amount) end
-- Keeps the fan-out for as long as the options say. For a producer that enqueues or compares it, at least until that
-- counts as lost.
local function keep(for_producer)
  local has_ended = get('ended') ~= ''
  local ms = number(has_ended and 'retentionMs' or 'maxIdleMs')
  if for_producer or get('inputClosed') ~= '1' and not has_ended then
    ms = math.max(ms, number('producerLostAfterMs'))
  end
  for _, key in ipairs({meta, message, ledger, outcomes, invalid, chunks, producers}) do
    redis.call('PEXPIRE', key, ms)
  end
end
-- Whether Redis accepts writes. A full Redis refuses commands that may need memory, unless the script has deleted
-- something before, even a missing field. So steps that need next to no memory, or free some, also work then. A
-- replica, or a Redis that lacks its replicas, refuses everything.
local function can_write()
  return type(redis.pcall('HDEL', ledger, 'none')) == 'number'
end
local function reopen()
  -- Its end was emitted as an event, so its beginning is emitted again.
  if get('endEmittedBy') ~= '' then set('beginEmittedBy', '', 'endEmittedBy', '') end
  set('ended', '')
  redis.call('SADD', active, id)
  keep()
end
-- Notes a sign of life of a producer. The producer may have counted as lost before.
local function producer_lives(producer)
  if get('inputClosed') ~= '1' then
    redis.call('ZADD', producers, now() + number('producerLostAfterMs'), producer)
    set('missedSince', '')
    if get('ended') ~= '' and get('stop') == '' then reopen() end
  end
  keep(true)
end
-- Whether a producer is left that has neither given up nor been silent for too long. After an outage, all have been
-- silent. So they count as lost only if they stay silent after Redis was seen to be back, for longer than a client
-- takes to reconnect and a producer to send its heartbeat.
local function has_producer()
  if redis.call('EXISTS', producers) == 0 then return false end
  -- A later time is from before Redis's clock was set back.
  local latest = now() + number('producerLostAfterMs')
  if redis.call('ZCOUNT', producers, now(), latest) > 0 then return true end
  if get('missedSince') ~= '' and number('missedSince') <= now() then
    return now() - number('missedSince') <= math.max(3000, number('producerLostAfterMs') / 2)
  end
  if can_write() then set('missedSince', now()) end
  return true
end
-- Stops a fan-out of which Redis has lost a part: keys were evicted or deleted. Nothing proves what became of those who
-- are not counted, so they are unknown.
local function stop_if_lost()
  local open = number('stored') - number('completed')
  local kept = math.min(redis.call('HLEN', chunks), redis.call('HLEN', ledger))
  if open == 0 or kept >= open and redis.call('EXISTS', message) == 1 or not can_write() then return end
  local uncounted = number('input')
  for _, field in ipairs({'duplicates', 'invalid', 'accepted', 'rejected', 'unknown'}) do
    uncounted = uncounted - number(field)
  end
  add('unknown', uncounted)
  set('stop', 'lost', 'completed', number('stored'), 'inflight', 0)
  redis.call('DEL', chunks, ledger)
end
local function end_if_over()
  if get('ended') ~= '' or number('inflight') > 0 then return end
  local is_done = number('completed') == number('stored')
  local is_over = get('stop') ~= '' or is_done and (get('inputClosed') == '1' or not has_producer())
  if not is_over or not can_write() then return end
  set('ended', now())
  redis.call('DEL', producers)
  keep()
end
-- Which chunks should have a job by now: a number of chunks beyond the completed ones. And whether the end should.
local function ready()
  local from = number('enqueued')
  local to = get('stop') == '' and math.min(number('stored'), number('completed') + number('lookAhead')) or from
  local is_end_ready = get('ended') ~= '' and get('endEmittedBy') == ''
  return {from = from, to = math.max(from, to), isEndReady = is_end_ready or nil}
end
-- The answer of a step whose result is all that is asked for.
local function brief(result)
  return '{"result":"' .. result .. '","fields":{},"now":0,"ready":{"from":0,"to":0}}'
end
-- Ends a fan-out that is over, and answers with the step's result, the state of the fan-out, and what else is given.
local function answer(result, more)
  end_if_over()
  return cjson.encode({result = result, fields = fields, now = now(), ready = ready(), more = more})
end
-- A chunk's state, the token of its worker, and `:resend`; '' for each that is missing.
local function state_of(index)
  return string.match(redis.call('HGET', ledger, index) or '', '^(%a*):?([^:]*)(:?%a*)$')
end
-- Of a chunk that is sent in parts: recipients in flight, the other recipients, and the number accepted.
local function parts_of(index)
  local recipients = redis.call('HGET', chunks, index) or ''
  local in_flight, rest, accepted = string.match(recipients, '^([^|]*)|([^|]*)|(%d+)$')
  return in_flight or recipients, rest or '', tonumber(accepted) or 0
end
