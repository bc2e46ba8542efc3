-- Follows `shared.lua` in all steps but `open`: a fan-out that was never opened, has expired or was deleted is gone.

if #flat == 0 then
  redis.call('SREM', active, id)
  return brief('gone')
end
