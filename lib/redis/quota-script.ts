import { createHash } from 'node:crypto';
import { BURST_SHARE } from './paced-rate.js';
import { THROTTLING } from './throttling.js';

/** What has not been touched for so long is forgotten: a day. */
const KEEP_MS = 86_400_000;
/** The largest jitter and the smallest limit that any process told within the last one or two of these hold for all. */
const AGE_MS = 5_000;
/** Who queues so far ahead gets less at a time, so that a refusal finds little that is reserved already. */
const MAX_AHEAD_MS = 500;
/** If no one was served for so long, Redis may have been away for all, and others may be on their own still. */
const AWAY_MS = 250;
/** No hold is longer: what seems to be was written before the clock was set back. */
const MAX_HOLD_MS = 120_000;

/**
 * The schedule that processes share: GCRA, as `Gcra`, `paceFor` and `LocalQuota` have it for one process, on
 * Redis's clock. State, in one text: when the schedule is used up, until when nothing may be sent, when someone was
 * last served, what share of the pace refusals have left and since when, and the jitter and limit of this age and
 * of the one before.
 *
 * ARGV: what to do (reserve, throttled, rejoin, probe); how many slots, or milliseconds to wait, or requests that
 * were sent without a slot; limit; jitter; when whoever asks will have given up, on Redis's clock (0: never).
 *
 * Answers with: whether it was done (0: it came too late), the time, slots, when the first is due, the interval, the
 * jitter of all; times in microseconds, the interval in nanoseconds, since it is counted on for many slots.
 */
export const QUOTA_SCRIPT = `
local op, n, limit, jitter, expires = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local function answer(done, slots, due, interval, jitter)
  return {done, math.floor(now * 1000), slots, math.ceil(due * 1000), math.floor(interval * 1000000), math.ceil(jitter * 1000)}
end
if op == 'probe' then return answer(1, 0, now, 0, 0) end
if expires > 0 and now > expires then return answer(0, 0, now, 0, 0) end

local state = {}
for word in string.gmatch(redis.call('GET', KEYS[1]) or '', '%S+') do
  local number = tonumber(word)
  -- For Lua, nan and inf are numbers; nothing could be compared with them.
  state[#state + 1] = number and number - number == 0 and number or nil
end
local age = math.floor(now / ${AGE_MS})
local tat, held, served, share, cutAt, stateAge, jitterNow, jitterBefore, limitNow, limitBefore = unpack(state)
-- What can't be read, or can't be, is as good as not there: it would never mend.
local fresh = #state ~= 10 or math.max(tat, held, cutAt) - now > ${MAX_HOLD_MS} or share <= 0 or share > 1
  or math.min(jitterNow, jitterBefore) < 0 or math.max(jitterNow, jitterBefore) > ${MAX_HOLD_MS}
  or math.min(limitNow, limitBefore) <= 0

local function shareNow()
  return math.min(1, share + math.max(0, now - cutAt) / 1000 * ${THROTTLING.recoveryPerSecond})
end
-- What may come at once, and the interval, for the largest jitter and the smallest limit of this age and the last.
local function pace()
  local most, least = math.max(jitterNow, jitterBefore), math.min(limitNow, limitBefore)
  local burst = math.max(1, math.floor(least * ${BURST_SHARE}))
  return burst, (1000 + most) / (least - burst + 1) * (1 + 1e-9) / shareNow()
end
-- How far slots may be ahead of their intervals.
local function ahead()
  local burst, interval = pace()
  return (burst - 1) * interval
end
local aheadBefore = not fresh and ahead() or 0

if fresh then
  tat, held, served, share, cutAt = now, now, now, 1, now
  stateAge, jitterNow, jitterBefore, limitNow, limitBefore = age, jitter, jitter, limit, limit
elseif stateAge ~= age then
  if stateAge == age - 1 then
    jitterBefore, limitBefore = jitterNow, limitNow
  else
    jitterBefore, limitBefore = jitter, limit
  end
  stateAge, jitterNow, limitNow = age, jitter, limit
end
jitterNow = math.max(jitterNow, jitter)
limitNow = math.min(limitNow, limit)
jitter = math.max(jitterNow, jitterBefore)
-- Who may be further ahead by another pace must not be so at once, see Gcra.
if not fresh then tat = tat + math.max(0, ahead() - aheadBefore) end

local function interval()
  local _, ms = pace()
  return ms
end
local function hold(till)
  held = math.max(held, till)
  tat = math.max(tat, held + ahead())
end

-- A key that is not there may have been lost with all that it knew: what was sent a second ago still counts.
if fresh then hold(now + 1000 + jitter) end

local slots, due = 0, now
if op == 'throttled' then
  if now - cutAt >= ${THROTTLING.cutEveryMs} or share == 1 then
    share = math.max(${THROTTLING.slowest}, shareNow() * ${THROTTLING.cut})
    cutAt = now
  end
  hold(now + math.max(n, ${THROTTLING.pauseMs}))
elseif op == 'rejoin' then
  if n > 0 then
    if now - served > ${AWAY_MS} or now < held then
      hold(now + 1000 + jitter)
    else
      tat = math.max(tat, now) + n * interval()
    end
    served = now
  end
elseif now >= held then
  due = math.max(now, tat - ahead())
  local wait = due - now
  slots = n
  if wait > ${MAX_AHEAD_MS} then slots = math.max(1, math.floor(n * ${MAX_AHEAD_MS} / wait)) end
  tat = math.max(tat, due) + slots * interval()
  served = now
end
if slots == 0 then due = math.max(now, held) end
if shareNow() == 1 then share = 1 end

redis.call('SET', KEYS[1], string.format('%.3f %.3f %.3f %.6f %.3f %d %.3f %.3f %.6f %.6f',
  tat, held, served, share, cutAt, stateAge, jitterNow, jitterBefore, limitNow, limitBefore), 'PX', ${KEEP_MS})
return answer(1, slots, due, interval(), jitter)
`;

export const QUOTA_SCRIPT_SHA = createHash('sha1').update(QUOTA_SCRIPT).digest('hex');

/** What is asked of the script. */
export type QuotaQuestion =
  | { readonly op: 'reserve'; readonly slots: number }
  | { readonly op: 'throttled'; readonly waitMs: number }
  /** So many were sent without a slot within the last second. */
  | { readonly op: 'rejoin'; readonly sent: number }
  | { readonly op: 'probe' };

/** What it answers; times in milliseconds on Redis's clock. */
export interface QuotaAnswer {
  /** False when it came so late that nothing was done. */
  readonly done: boolean;
  readonly now: number;
  readonly slots: number;
  /** Of the first slot; without slots, when it is worth asking again. */
  readonly due: number;
  readonly intervalMs: number;
  /** The largest of all processes. */
  readonly jitterMs: number;
}

export function numberOf(question: QuotaQuestion): number {
  switch (question.op) {
    case 'reserve':
      return question.slots;
    case 'throttled':
      return question.waitMs;
    case 'rejoin':
      return question.sent;
    case 'probe':
      return 0;
  }
}

/** @throws Error when it is not the script's answer */
export function readAnswer(reply: unknown): QuotaAnswer {
  const numbers = Array.isArray(reply) ? reply.map(Number) : [];
  const [done, now, slots, due, interval, jitter] = numbers;
  if (
    done === undefined ||
    now === undefined ||
    slots === undefined ||
    due === undefined ||
    interval === undefined ||
    jitter === undefined ||
    numbers.some((number) => Number.isNaN(number))
  ) {
    throw new Error('Redis answered with something else');
  }
  return {
    done: done === 1,
    now: now / 1_000,
    slots,
    due: due / 1_000,
    intervalMs: interval / 1_000_000,
    jitterMs: jitter / 1_000,
  };
}
