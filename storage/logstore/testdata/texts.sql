SELECT toString(service_name), severity_number, body
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (service_name = 'a')
  AND (NOT (body_kind > 1))
ORDER BY severity_number >= 13 DESC, time DESC
LIMIT 10
