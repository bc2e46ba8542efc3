-- Returns the state of a fan-out, and ends it if all of its producers are lost.
--
-- ARGV   1   the fan-out's ID
-- Answer {the meta hash, each field followed by its value, Redis's time, first and last chunk (exclusive) that
--        should have a job, whether the end should}; nothing if there is no such fan-out

if redis.call('EXISTS', meta) == 0 then
  redis.call('SREM', active, id)
  return {}
end
end_if_over()
return all()
