-- Stores chunks, and closes the input when the source is at its end. Chunks that have been stored are left as they
-- are.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   index of the first chunk
--        4   how many chunks
--        5   recipients read so far
--        6   duplicates among those
--        7   invalid ones among those
--        8   how many invalid ones were listed before these chunks
--        9   1 at the end of the source: no chunk follows
--        10- digest of the source before the first chunk; of each chunk: recipients, digest of the source up to it
--        then each of the invalid ones that were read with these chunks, as JSON
-- Answer 'stored', 'closed', 'gone', 'stopped' or 'differs'

local from, stored = tonumber(ARGV[3]), number('stored')
local to, is_end = from + tonumber(ARGV[4]), ARGV[9] == '1'
-- Redis holds less than it said: it was emptied, or went back to an earlier state.
if from > stored and not is_end then return answer('gone') end
local function digest_at(index) return 10 + 2 * (index - from) end
if is_end or stored < to then
  local is_closed = get('inputClosed') == '1'
  local is_same = get('digest') == ARGV[digest_at(is_end and from or stored)]
  if not is_same or is_closed and not is_end then return answer('differs') end
  if is_closed then return answer('closed') end
  if get('stop') ~= '' then return answer('stopped') end
  set('input', ARGV[5], 'duplicates', ARGV[6], 'invalid', ARGV[7])
  -- Another producer may have listed some of them.
  local listed = math.max(0, redis.call('LLEN', invalid) - tonumber(ARGV[8]))
  for i = digest_at(to) + 1 + listed, #ARGV do redis.call('RPUSH', invalid, ARGV[i]) end
end
if is_end then
  set('inputClosed', '1')
  redis.call('DEL', producers)
  keep()
  return answer('closed')
end
if stored < to then
  local recipients, states = {}, {}
  for index = stored, to - 1 do
    local field = 2 * (index - stored) + 1
    recipients[field], recipients[field + 1] = index, ARGV[digest_at(index) + 1]
    states[field], states[field + 1] = index, 'pending'
  end
  redis.call('HSET', chunks, unpack(recipients))
  redis.call('HSET', ledger, unpack(states))
  set('stored', to, 'digest', ARGV[digest_at(to)])
  producer_lives(ARGV[2])
end
return answer('stored')
