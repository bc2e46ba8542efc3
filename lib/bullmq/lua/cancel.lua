-- Stops a fan-out.
--
-- ARGV   1   the fan-out's ID
-- Answer as of `answer()`: 'stopped', by this call or before, 'ended' or 'gone'

if redis.call('EXISTS', meta) == 0 then return answer('gone') end
if get('ended') ~= '' and get('stop') == '' then return answer('ended') end
can_write()
if get('stop') == '' then redis.call('HSET', meta, 'stop', 'aborted') end
end_if_over()
return answer('stopped')
