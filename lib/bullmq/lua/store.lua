-- Stores chunks. Those of them that have been stored are left as they are.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   index of the first chunk
--        4   how many chunks
--        5   digest of the source before them
--        6   recipients read so far
--        7   duplicates among those
--        8   invalid ones among those
--        9-  of each chunk: recipients, digest, how many of the invalid ones were read before it
--        then each of the invalid ones, as JSON
-- Answer {'stored', completed chunks, first and last chunk (exclusive) that should have a job, whether the end should},
--        {'gone'}, {'stopped'} or {'differs'}

local from, stored = tonumber(ARGV[3]), number('stored')
local to = from + tonumber(ARGV[4])
-- Redis holds less than it said: it was emptied, or went back to an earlier state.
if redis.call('EXISTS', meta) == 0 or from > stored then return {'gone'} end
if stored < to then
  local function at(index) return 9 + 3 * (index - from) end
  local before = stored == from and ARGV[5] or ARGV[at(stored - 1) + 1]
  if get('digest') ~= before or get('inputClosed') == '1' then return {'differs'} end
  if get('stop') ~= '' then return {'stopped'} end
  local recipients, states = {}, {}
  for index = stored, to - 1 do
    local field = 2 * (index - stored) + 1
    recipients[field], recipients[field + 1] = index, ARGV[at(index)]
    states[field], states[field + 1] = index, 'pending'
  end
  redis.call('HSET', chunks, unpack(recipients))
  redis.call('HSET', ledger, unpack(states))
  redis.call('HSET', meta, 'stored', to, 'digest', ARGV[at(to - 1) + 1], 'input', ARGV[6], 'duplicates', ARGV[7],
    'invalid', ARGV[8])
  list_invalid(at(to) + tonumber(ARGV[at(stored) + 2]))
  producer_lives(ARGV[2])
end
return {'stored', number('completed'), ready()}
