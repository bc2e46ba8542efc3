-- What the steps of the ledger share. It stands before each of them; each is atomic.
--
-- KEYS   1   meta       hash: how the fan-out is done, and how far it is
--        2   message    string
--        3   ledger     hash: the state of each chunk that is not completed
--        4   outcomes   hash: what is to be told of chunks that were not simply accepted, by chunk and token
--        5   invalid    list: the first of what is no user ID, as JSON
--        6   chunks     hash: the recipients of each chunk that is not completed
--        7   producers  sorted set: who enqueues it, by the time when they have been silent for too long
--        8   active     set: the IDs of fan-outs whose end no worker has emitted as an event
-- ARGV   1   the fan-out's ID; more of them with each step
--
-- A chunk is pending → inflight → accepted, rejected or unknown. In the ledger, where a token is that of a worker:
--
-- - `pending` or `pending:<token>`: no byte of it was sent; the worker has returned it
-- - `claimed:<token>`: pending still, and the worker's, which waits for a permit
-- - `inflight:<token>`: written when the worker has its permit, before bytes leave
-- - `unknown:<token>`: presumed so, since the worker was lost
-- - absent: completed; its recipients have been counted as accepted, rejected or unknown
--
-- The recipients of a chunk that is sent in parts are `<in flight>|<the rest>|<how many were accepted>`; only
-- those in flight are unknown when its worker is lost.
--
-- With `onUnknown: 'resend'`, a chunk may have been accepted before it is sent again:
--
-- - `inflight:<token>:resend`: it is being sent again
-- - `resend:<token>`: it is to be sent again; the worker has returned it. It counts as in flight
--
-- A client that reconnects sends again what was not answered, so each script gives the same result, or does
-- nothing, when it is run twice.

local meta, message, ledger, outcomes, invalid, chunks, producers, active = unpack(KEYS)
local id = ARGV[1]

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function get(field) return redis.call('HGET', meta, field) or '' end
local function number(field) return tonumber(get(field)) or 0 end
local function add(field, amount)
  if amount ~= 0 then redis.call('HINCRBY', meta, field, amount) end
end
local function keep(ms)
  for _, key in ipairs({meta, message, ledger, outcomes, invalid, chunks, producers}) do
    redis.call('PEXPIRE', key, ms)
  end
end
-- For as long as the options say from now on; for who enqueues or compares it, at least until that one is lost.
local function keep_for_producer()
  keep(math.max(get('ended') == '' and number('maxIdleMs') or number('retentionMs'), number('producerLostAfterMs')))
end
local function keep_open()
  if get('inputClosed') == '1' then keep(get('maxIdleMs')) else keep_for_producer() end
end
-- A Redis that is full refuses what may take memory, unless the script has deleted before, be it nothing: so what
-- takes next to nothing, or frees more than it takes, is written there as well. One that lacks its replicas, or is
-- one itself, refuses everything.
local function can_write()
  return type(redis.pcall('HDEL', ledger, 'none')) == 'number'
end
local function reopen()
  -- What a worker has emitted the end of begins once more.
  if get('endEmittedBy') ~= '' then redis.call('HDEL', meta, 'beginEmittedBy', 'endEmittedBy') end
  redis.call('HSET', meta, 'ended', '')
  redis.call('SADD', active, id)
  keep_open()
end
-- Whether anyone enqueues it who has neither given up nor been silent for too long. After an outage, all have been:
-- so they are taken for lost only if they are silent once it was seen that Redis is there again, and for longer
-- than a client takes to find that out and a producer to say that it lives.
local function has_producer()
  if redis.call('EXISTS', producers) == 0 then return false end
  -- What lies further ahead is of a clock that has been set back since.
  local latest = now() + number('producerLostAfterMs')
  if redis.call('ZCOUNT', producers, now(), latest) > 0 then return true end
  if get('missedSince') ~= '' and number('missedSince') <= now() then
    return now() - number('missedSince') <= math.max(3000, number('producerLostAfterMs') / 2)
  end
  if can_write() then redis.call('HSET', meta, 'missedSince', now()) end
  return true
end
local function end_if_over()
  if get('ended') ~= '' or number('inflight') > 0 then return end
  local over = get('stop') ~= ''
  if not over and number('completed') == number('stored') then
    over = get('inputClosed') == '1' or not has_producer()
  end
  if not over or not can_write() then return end
  redis.call('HSET', meta, 'ended', now())
  redis.call('DEL', producers)
  keep(get('retentionMs'))
end
-- Which chunks should have a job by now: so many beyond those that are completed. And whether the end should.
local function ready()
  local enqueued = number('enqueued')
  local is_end_ready = get('ended') ~= '' and get('endEmittedBy') == '' and 1 or 0
  if get('stop') ~= '' then return enqueued, enqueued, is_end_ready end
  local to = math.max(enqueued, math.min(number('stored'), number('completed') + number('lookAhead')))
  return enqueued, to, is_end_ready
end
-- What most steps answer: what came of it, how many chunks are completed, and what should have a job by now.
local function answer(result) return {result, number('completed'), ready()} end
-- The meta hash, Redis's time, and what should have a job by now.
local function all() return {redis.call('HGETALL', meta), string.format('%.0f', now()), ready()} end
-- It may have been taken for lost, and was not.
local function producer_lives(producer)
  if get('inputClosed') ~= '1' then
    redis.call('ZADD', producers, now() + number('producerLostAfterMs'), producer)
    redis.call('HDEL', meta, 'missedSince')
    if get('ended') ~= '' and get('stop') == '' then reopen() end
  end
  keep_for_producer()
end
-- Of a chunk: its state, the token of a worker, and `resend`; each '' if there is none.
local function state_of(index)
  return string.match(redis.call('HGET', ledger, index) or '', '^(%a*):?([^:]*):?(%a*)$')
end
-- Of a chunk that is sent in parts: who is in flight, who is not, and how many were accepted.
local function parts_of(recipients)
  local in_flight, rest, accepted = string.match(recipients or '', '^([^|]*)|([^|]*)|(%d+)$')
  return in_flight or recipients, rest or '', tonumber(accepted) or 0
end
local function join(one, other)
  return one == '' and other or other == '' and one or one .. ',' .. other
end
local function count_of(recipients)
  local _, commas = string.gsub(recipients, ',', ',')
  return recipients == '' and 0 or commas + 1
end
local function list_invalid(from)
  for i = from, #ARGV do redis.call('RPUSH', invalid, ARGV[i]) end
end
