import { LuaScript } from './lua-script.js';

/**
 * The steps of the ledger, each atomic. A chunk's entry is
 *
 * - `p` or `p:<token>`: pending, no byte of it was sent; the worker that has the token has returned it
 * - `h:<token>`: held by the worker that has the token, which waits for the quota; no byte of it was sent
 * - `i:<token>`: in flight with that worker; written when its turn has come, before bytes leave
 * - `u:<token>`: presumed unknown, since the worker with the token was lost
 * - absent: settled
 *
 * The recipients of a chunk that is sent in parts are `<in flight>|<the rest>|<how many were accepted>`; only those in
 * flight are unknown when its worker is lost.
 *
 * A trailing `:d` marks a chunk in flight that may have been accepted before (`onUnknown: 'resend'`);
 * `i:none:<token>:d` is such a chunk which the worker with the token has returned.
 *
 * A client that reconnects sends again what was not answered, so each script gives the same result, or does
 * nothing, when it is run twice.
 */
const PRELUDE = `
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
  keep(get('retention'))
end
-- Which chunks should have a job by now: so many beyond those that are settled. And whether the end should have one.
local function due()
  local fed = number('fed')
  local is_end_due = get('ended') ~= '' and get('endEmittedBy') == '' and 1 or 0
  if get('stop') ~= '' then return fed, fed, is_end_due end
  return fed, math.max(fed, math.min(number('stored'), number('settled') + number('lookAhead'))), is_end_due
end
local function all()
  local fields = redis.call('HGETALL', meta)
  fields[#fields + 1] = 'now'
  fields[#fields + 1] = string.format('%.0f', now())
  return fields
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
`;

const script = (body: string): LuaScript => new LuaScript(PRELUDE + body);

/**
 * `producer, message, …field and value` → `opened` and where reading is to go on, or `differs` and the fields that do
 */
export const OPEN = script(`
if redis.call('EXISTS', meta) == 0 then
  redis.call('HSET', meta, 'created', now(), unpack(ARGV, 4))
  redis.call('SET', message, ARGV[3])
else
  local given, differing = {}, {}
  for i = 4, #ARGV, 2 do given[ARGV[i]] = ARGV[i + 1] end
  for _, field in ipairs({'roomId', 'from', 'binary'}) do
    if get(field) ~= given[field] then table.insert(differing, field) end
  end
  if redis.call('GET', message) ~= ARGV[3] then table.insert(differing, 'message') end
  if #differing > 0 then return {'differs', unpack(differing)} end
end
if get('sealed') ~= '1' and get('stop') == '' then
  producer_lives(ARGV[2])
  reopen()
else
  -- It is compared, and must not go meanwhile.
  keep_for_producer()
end
return {'opened', number('stored'), number('chunkSize'), get('dedupe')}
`);

/**
 * `producer, index of the first chunk, how many, digest before, input, duplicates, invalid, …chunks, …invalid ones`,
 * where a chunk is `recipients, digest, how many of the invalid ones were read before it`
 * → `stored | gone | stopped | differs`, chunks that are settled, and which should have a job.
 * Those of the chunks that have been stored are left as they are.
 */
export const STORE = script(`
local from, stored = tonumber(ARGV[3]), number('stored')
local to = from + tonumber(ARGV[4])
-- Redis holds less than it said: it was emptied, or went back to an earlier state.
if redis.call('EXISTS', meta) == 0 or from > stored then return {'gone'} end
if stored < to then
  local function at(index) return 9 + 3 * (index - from) end
  local before = stored == from and ARGV[5] or ARGV[at(stored - 1) + 1]
  if get('digest') ~= before or get('sealed') == '1' then return {'differs'} end
  if get('stop') ~= '' then return {'stopped'} end
  local recipients, steps = {}, {}
  for index = stored, to - 1 do
    local field = 2 * (index - stored) + 1
    recipients[field], recipients[field + 1] = index, ARGV[at(index)]
    steps[field], steps[field + 1] = index, 'p'
  end
  redis.call('HSET', chunks, unpack(recipients))
  redis.call('HSET', ledger, unpack(steps))
  redis.call('HSET', meta, 'stored', to, 'digest', ARGV[at(to - 1) + 1], 'input', ARGV[6], 'duplicates', ARGV[7],
    'invalid', ARGV[8])
  list_invalid(at(to) + tonumber(ARGV[at(stored) + 2]))
  producer_lives(ARGV[2])
end
return {'stored', number('settled'), due()}
`);

/** `digest, input, duplicates, invalid, …invalid ones` → `sealed` and what should have a job, or `gone | stopped | differs` */
export const SEAL = script(`
if redis.call('EXISTS', meta) == 0 then return {'gone'} end
if get('digest') ~= ARGV[2] then return {'differs'} end
if get('sealed') == '1' then return {'sealed', due()} end
if get('stop') ~= '' then return {'stopped'} end
redis.call('HSET', meta, 'sealed', '1', 'input', ARGV[3], 'duplicates', ARGV[4], 'invalid', ARGV[5])
redis.call('DEL', producers)
list_invalid(6)
keep(get('maxAge'))
end_if_over()
return {'sealed', due()}
`);

/** `producer` lives, and enqueues the fan-out or compares it. */
export const BEAT = script(`
if redis.call('EXISTS', meta) == 0 then return end
can_write()
producer_lives(ARGV[2])
`);

/** `producer` gives up; others may enqueue the same. */
export const GIVE_UP = script(`
if redis.call('EXISTS', meta) == 0 then return end
redis.call('ZREM', producers, ARGV[2])
end_if_over()
`);

/** → which chunks should have a job: from, to (exclusive), and whether the end should */
export const DUE = script(`
return {due()}
`);

/** `to`: all chunks before it have been given a job. */
export const FED = script(`
if redis.call('EXISTS', meta) == 0 then return end
if number('fed') < tonumber(ARGV[2]) then redis.call('HSET', meta, 'fed', ARGV[2]) end
`);

/**
 * `index, token` → `gone | settled | stopped | superseded | presumed_unknown`, or `send` with the chunk and how to
 * send it. A token is `<job>.<run>.<random>`. A chunk that is in flight with an earlier run was left behind: the
 * queue gives a job to one worker at a time, and to another one only when the first has not been heard of for long.
 * Whoever wakes up then, and asks for a chunk that a later run has, gets nothing.
 */
export const BEGIN = script(`
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
if get('beginEmittedBy') == '' then redis.call('HSET', meta, 'beginEmittedBy', token) end
return {
  'send', recipients, redis.call('GET', message), get('binary'), get('roomId'), get('from'), get('onUnknown'),
  mark == '' and 0 or 1, get('created'), get('beginEmittedBy') == token and 1 or 0
}
`);

/**
 * `index, token` → whether the chunk may be sent now: from here on, it is in flight. Of a part of it, also
 * `in flight, rest, accepted`: how many of the chunk were accepted by now.
 */
export const TAKE = script(`
local index, token = ARGV[2], ARGV[3]
if redis.call('EXISTS', meta) == 0 or get('stop') ~= '' then return 0 end
local entry = redis.call('HGET', ledger, index) or ''
if entry ~= 'h:' .. token and entry ~= 'i:' .. token then return entry == 'i:' .. token .. ':d' and 1 or 0 end
if ARGV[4] then
  local _, _, recorded = parts_of(redis.call('HGET', chunks, index))
  redis.call('HSET', chunks, index, ARGV[4] .. '|' .. ARGV[5] .. '|' .. ARGV[6])
  add('accepted', tonumber(ARGV[6]) - recorded)
end
if entry == 'h:' .. token then
  redis.call('HSET', ledger, index, 'i:' .. token)
  add('inflight', 1)
end
return 1
`);

/**
 * `index, token, accepted, rejected, unknown, requests, throttled, rest, outcome, stop, stop's error`
 * → `settled | returned | corrected | fenced | gone`, and which chunks should have a job. When it is run again after its
 * answer was lost, it says `settled` or `returned` as well.
 * The rest is who was not sent to; it becomes pending again.
 */
export const SETTLE = script(`
-- What is known must be written down, also where Redis is full.
can_write()
local index, token, rest, outcome, stop = ARGV[2], ARGV[3], ARGV[9], ARGV[10], ARGV[11]
local accepted, rejected, unknown = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local entry = redis.call('HGET', ledger, index) or ''
local result = redis.call('EXISTS', meta) == 1 and 'fenced' or 'gone'
-- What was accepted of it in parts has been counted.
if string.sub(entry, 1, 2) == 'i:' then
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
    -- By one clock, since they are told in the order of their ends.
    redis.call('HSET', outcomes, index .. ':' .. token, '{"at":' .. string.format('%.0f', now()) .. ',' .. string.sub(outcome, 2))
  end
end
if entry == 'h:' .. token then
  redis.call('HSET', ledger, index, 'p:' .. token)
  if stop ~= '' and get('stop') == '' then redis.call('HSET', meta, 'stop', stop, 'stopError', ARGV[12]) end
  end_if_over()
  result = 'returned'
elseif entry == 'i:' .. token or entry == 'i:' .. token .. ':d' then
  count()
  if rest == '' then
    redis.call('HDEL', chunks, index)
    redis.call('HDEL', ledger, index)
    add('settled', 1)
    add('inflight', -1)
    result = 'settled'
  else
    redis.call('HSET', chunks, index, rest)
    if string.sub(entry, -2) == ':d' then
      -- It may have been accepted once, so it is not pending again, but left behind.
      redis.call('HSET', ledger, index, 'i:none:' .. token .. ':d')
    else
      redis.call('HSET', ledger, index, 'p:' .. token)
      add('inflight', -1)
    end
    result = 'returned'
  end
  if stop ~= '' and get('stop') == '' then redis.call('HSET', meta, 'stop', stop, 'stopError', ARGV[12]) end
  keep_open()
  end_if_over()
elseif entry == 'u:' .. token and rest == '' and get('ended') == '' then
  -- The worker that was taken for lost knows better, and no one was told yet.
  add('unknown', -(accepted + rejected + unknown))
  redis.call('HDEL', outcomes, index .. ':' .. token)
  redis.call('HDEL', ledger, index)
  count()
  result = 'corrected'
elseif entry == 'p:' .. token or entry == 'i:none:' .. token .. ':d' then
  result = 'returned'
elseif entry == '' and rest == '' and result ~= 'gone' and get('onUnknown') ~= 'resend' then
  -- Who sent all of a chunk is the only one who settles it, unless it is sent again.
  result = 'settled'
end
return {result, due()}
`);

/** → whether it was stopped by this call, or before */
export const CANCEL = script(`
if redis.call('EXISTS', meta) == 0 then return 'gone' end
if get('ended') ~= '' and get('stop') == '' then return 'ended' end
can_write()
if get('stop') == '' then redis.call('HSET', meta, 'stop', 'aborted') end
end_if_over()
return 'stopped'
`);

/** Takes back what stopped it. */
export const RESUME = script(`
if redis.call('EXISTS', meta) == 0 then return 'gone' end
redis.call('HSET', meta, 'stop', '', 'stopError', '')
if number('settled') < number('stored') then reopen() end
end_if_over()
return 'resumed'
`);

/** `token` → the meta hash, flat, if the fan-out has ended and the end is this token's to emit; else nothing */
export const CLAIM_END = script(`
if get('ended') == '' then return {} end
if get('endEmittedBy') == '' and can_write() then
  redis.call('HSET', meta, 'endEmittedBy', ARGV[2])
  redis.call('SREM', active, id)
end
return get('endEmittedBy') == ARGV[2] and all() or {}
`);

/** → the meta hash, flat, after finding out whether all producers were lost */
export const LOOK = script(`
if redis.call('EXISTS', meta) == 0 then
  redis.call('SREM', active, id)
  return {}
end
end_if_over()
return all()
`);
