-- Stores chunks, and closes the input when the source is at its end. Chunks that have been stored are left as they
-- are.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   the `ChunkBatch`, as JSON
-- Result 'stored', 'closed', 'gone', 'stopped' or 'differs'

local batch, stored = cjson.decode(ARGV[3]), number('stored')
local to = batch.from + #batch.chunks
-- Redis holds less than it said: it was emptied, or went back to an earlier state.
if batch.from > stored and not batch.isEnd then return answer('gone') end
if batch.isEnd or stored < to then
  local is_closed = get('inputClosed') == '1'
  local last = batch.chunks[stored - batch.from]
  local digest = last and not batch.isEnd and last.digest or batch.digestBefore
  if get('digest') ~= digest or is_closed and not batch.isEnd then return answer('differs') end
  if is_closed then return answer('closed') end
  if get('stop') ~= '' then return answer('stopped') end
  for field, count in pairs(batch.read) do redis.call('HSET', meta, field, count) end
  -- Another producer may have listed some of them.
  local listed = math.max(0, redis.call('LLEN', invalid) - batch.invalidBefore)
  for i = listed + 1, #batch.invalid do redis.call('RPUSH', invalid, batch.invalid[i]) end
end
if batch.isEnd then
  redis.call('HSET', meta, 'inputClosed', '1')
  redis.call('DEL', producers)
  keep()
  return answer('closed')
end
if stored < to then
  for index = stored, to - 1 do
    redis.call('HSET', chunks, index, batch.chunks[index - batch.from + 1].recipients)
    redis.call('HSET', ledger, index, 'pending')
  end
  redis.call('HSET', meta, 'stored', to, 'digest', batch.chunks[#batch.chunks].digest)
  producer_lives(ARGV[2])
end
return answer('stored')
