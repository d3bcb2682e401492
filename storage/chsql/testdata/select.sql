SELECT DISTINCT a, count() AS n, arrayMap(x -> lower(x), list)
FROM logs
WHERE ((time >= fromUnixTimestamp64Nano(1, 'UTC')) AND (time < fromUnixTimestamp64Nano(2, 'UTC')))
  AND ((service_name IN ('a', 'b\'c')) OR (NOT (x = -1)))
  AND (resource_id GLOBAL NOT IN (
  SELECT id
  FROM resources
  WHERE attributes.`a.b` = 'x'
))
  AND (id IN {ids:Array(UInt64)})
  AND false
  AND true
  AND (z = 1)
GROUP BY a
HAVING n > 1
ORDER BY n DESC, a
LIMIT 1 BY a
LIMIT 10
SETTINGS max_threads = 1
