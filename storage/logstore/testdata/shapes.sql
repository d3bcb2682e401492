SELECT service, arrayResize(before, 2, toUInt64(0)), arrayResize(since, 2, toUInt64(0))
FROM (
  SELECT toString(service_name) AS service, sumForEachIf(has_shapes, NOT is_new) AS before, sumForEachIf(has_shapes, is_new) AS since
  FROM (
    SELECT service_name, time >= fromUnixTimestamp64Nano(1772366460000000000, 'UTC') AS is_new, CAST(array(body LIKE '%it\'s 100\\%%\\_%', body LIKE '%b%'), 'Array(UInt64)') AS has_shapes
    FROM logs
    WHERE (tenant = 'default')
      AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
      AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
      AND (service_name = 'a')
  )
  GROUP BY service
)
ORDER BY service
