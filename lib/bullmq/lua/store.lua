-- Stores chunks, and closes the input when the source is at its end. Chunks that have been stored are left as they
-- are.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   index of the first chunk
--        4   how many chunks
--        5   digest of the source before them
--        6   recipients read so far
--        7   duplicates among those
--        8   invalid ones among those
--        9   1 at the end of the source: no chunk follows
--        10- of each chunk: recipients, digest, how many of the invalid ones were read before it
--        then each of the invalid ones, as JSON
-- Answer as of `answer()`: 'stored', 'closed', 'gone', 'stopped' or 'differs'

local from, stored = tonumber(ARGV[3]), number('stored')
local to, is_end = from + tonumber(ARGV[4]), ARGV[9] == '1'
-- Redis holds less than it said: it was emptied, or went back to an earlier state.
if redis.call('EXISTS', meta) == 0 or from > stored and not is_end then return answer('gone') end
local is_closed = get('inputClosed') == '1'
local function at(index) return 10 + 3 * (index - from) end
if is_end or stored < to then
  local before = (is_end or stored == from) and ARGV[5] or ARGV[at(stored - 1) + 1]
  if get('digest') ~= before or is_closed and not is_end then return answer('differs') end
  if is_closed then return answer('closed') end
  if get('stop') ~= '' then return answer('stopped') end
  redis.call('HSET', meta, 'input', ARGV[6], 'duplicates', ARGV[7], 'invalid', ARGV[8])
end
if is_end then
  redis.call('HSET', meta, 'inputClosed', '1')
  redis.call('DEL', producers)
  list_invalid(at(to))
  keep(get('maxIdleMs'))
  end_if_over()
  return answer('closed')
end
if stored < to then
  local recipients, states = {}, {}
  for index = stored, to - 1 do
    local field = 2 * (index - stored) + 1
    recipients[field], recipients[field + 1] = index, ARGV[at(index)]
    states[field], states[field + 1] = index, 'pending'
  end
  redis.call('HSET', chunks, unpack(recipients))
  redis.call('HSET', ledger, unpack(states))
  redis.call('HSET', meta, 'stored', to, 'digest', ARGV[at(to - 1) + 1])
  list_invalid(at(to) + tonumber(ARGV[at(stored) + 2]))
  producer_lives(ARGV[2])
end
return answer('stored')
