-- Returns the state of a fan-out, and ends it if all of its producers are lost, or a part of it is.
--
-- ARGV   1   the fan-out's ID
-- Answer as of `all()`; nothing if there is no such fan-out

if redis.call('EXISTS', meta) == 0 then
  redis.call('SREM', active, id)
  return
end
stop_if_lost()
end_if_over()
return all()
