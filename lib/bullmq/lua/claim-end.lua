-- Says whether a worker is to emit the end of a fan-out as an event. One is, if it has ended.
--
-- ARGV   1   the fan-out's ID
--        2   token of the worker
-- Answer as of `look`; nothing if the worker is not to

if get('ended') == '' then return end
if get('endEmittedBy') == '' and can_write() then
  redis.call('HSET', meta, 'endEmittedBy', ARGV[2])
  redis.call('SREM', active, id)
end
return get('endEmittedBy') == ARGV[2] and all() or nil
