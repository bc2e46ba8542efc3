-- Finds out whether all producers were lost, and shows how far a fan-out is.
--
-- ARGV   1   the fan-out's ID
-- Answer the meta hash and Redis's time as `now`, each field followed by its value; nothing if there is no such
--        fan-out

if redis.call('EXISTS', meta) == 0 then
  redis.call('SREM', active, id)
  return {}
end
end_if_over()
return all()
