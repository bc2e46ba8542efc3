-- Follows `shared.lua` in all steps but `open`: a fan-out that was never opened, has expired or was deleted is gone.

if redis.call('EXISTS', meta) == 0 then
  redis.call('SREM', active, id)
  return cjson.encode({result = 'gone', fields = {}, now = 0, ready = {from = 0, to = 0}})
end
