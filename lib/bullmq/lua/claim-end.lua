-- Says whether a worker is to emit the end of a fan-out as an event. The first one is, if the fan-out has ended.
--
-- ARGV   1   the fan-out's ID
--        2   token of the worker
-- Answer 'emit' or 'none'

if get('ended') ~= '' and can_write() then
  if get('endEmittedBy') == '' then set('endEmittedBy', ARGV[2]) end
  redis.call('SREM', active, id)
end
return answer(get('endEmittedBy') == ARGV[2] and 'emit' or 'none')
