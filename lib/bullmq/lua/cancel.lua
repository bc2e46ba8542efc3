-- Stops a fan-out.
--
-- ARGV   1   the fan-out's ID
-- Answer 'stopped', by this call or before, 'ended' or 'gone'

if redis.call('EXISTS', meta) == 0 then return 'gone' end
if get('ended') ~= '' and get('stop') == '' then return 'ended' end
can_write()
if get('stop') == '' then redis.call('HSET', meta, 'stop', 'aborted') end
end_if_over()
return 'stopped'
