-- What the steps of the ledger share. It stands before each of them; each is atomic.
--
-- KEYS   1   meta       hash: how the fan-out is done, and how far it is
--        2   message    string
--        3   ledger     hash: the entry of each chunk that is not settled
--        4   outcomes   hash: what is to be told of chunks that were not simply accepted, by chunk and token
--        5   invalid    list: the first of what is no user ID, as JSON
--        6   active     set: the IDs of fan-outs that have not ended
--        7   chunks     hash: the recipients of each chunk that is not settled
--        8   producers  sorted set: who enqueues it, by the time when they have been silent for too long
-- ARGV   1   the fan-out's ID; more of them with each step
--
-- A chunk's entry is
--
-- - `p` or `p:<token>`: pending, no byte of it was sent; the worker that has the token has returned it
-- - `h:<token>`: held by the worker that has the token, which waits for the quota; no byte of it was sent
-- - `i:<token>`: in flight with that worker; written when its turn has come, before bytes leave
-- - `u:<token>`: presumed unknown, since the worker with the token was lost
-- - absent: settled
--
-- The recipients of a chunk that is sent in parts are `<in flight>|<the rest>|<how many were accepted>`; only
-- those in flight are unknown when its worker is lost.
--
-- A trailing `:d` marks a chunk in flight that may have been accepted before (`onUnknown: 'resend'`);
-- `i:none:<token>:d` is such a chunk which the worker with the token has returned.
--
-- A client that reconnects sends again what was not answered, so each script gives the same result, or does
-- nothing, when it is run twice.

local meta, message, ledger, outcomes, invalid, active, chunks, producers = unpack(KEYS)
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
  keep(math.max(get('ended') == '' and number('maxAge') or number('retention'), number('producerTimeout')))
end
local function keep_open()
  if get('sealed') == '1' then keep(get('maxAge')) else keep_for_producer() end
end
-- A Redis that is full refuses what may take memory, unless the script has deleted before, be it nothing: so what
-- takes next to nothing, or frees more than it takes, is written there as well. One that lacks its replicas, or is
-- one itself, refuses everything.
local function can_write()
  return type(redis.pcall('HDEL', ledger, 'none')) == 'number'
end
local function reopen()
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
  local latest = now() + number('producerTimeout')
  if redis.call('ZCOUNT', producers, now(), latest) > 0 then return true end
  if get('missedSince') ~= '' and number('missedSince') <= now() then
    return now() - number('missedSince') <= math.max(3000, number('producerTimeout') / 2)
  end
  if can_write() then redis.call('HSET', meta, 'missedSince', now()) end
  return true
end
local function end_if_over()
  if get('ended') ~= '' or number('inflight') > 0 then return end
  local over = get('stop') ~= ''
  if not over and number('settled') == number('stored') then
    over = get('sealed') == '1' or not has_producer()
  end
  if not over or not can_write() then return end
  redis.call('HSET', meta, 'ended', now())
  redis.call('DEL', producers)
  redis.call('SREM', active, id)
  keep(get('retention'))
end
-- Which chunks should have a job by now: so many beyond those that are settled.
local function due()
  local fed = number('fed')
  if get('stop') ~= '' then return fed, fed end
  return fed, math.max(fed, math.min(number('stored'), number('settled') + number('lookAhead')))
end
-- It may have been taken for lost, and was not.
local function producer_lives(producer)
  if get('sealed') ~= '1' then
    redis.call('ZADD', producers, now() + number('producerTimeout'), producer)
    redis.call('HDEL', meta, 'missedSince')
    if get('ended') ~= '' and get('stop') == '' then reopen() end
  end
  keep_for_producer()
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
