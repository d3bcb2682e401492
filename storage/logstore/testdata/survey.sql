SELECT what, name, types
FROM (
  SELECT holder AS what, key AS name, toUInt8(0) AS types
  FROM (
    SELECT DISTINCT toUInt8(holder) AS holder, key
    FROM resource_keys
    WHERE (tenant = 'default')
      AND (day >= toDate('2026-03-01'))
      AND (day <= toDate('2026-03-01'))
    LIMIT 200000
  )
  UNION ALL
  SELECT toUInt8(3) AS what, key AS name, types
  FROM (
    SELECT key, groupBitOr(bitShiftLeft(toUInt8(1), toUInt8(place))) AS types
    FROM log_keys
    WHERE (tenant = 'default')
      AND (day >= toDate('2026-03-01'))
      AND (day <= toDate('2026-03-01'))
    GROUP BY key
    LIMIT 100000
  )
  UNION ALL
  SELECT toUInt8(4) AS what, '' AS name, toUInt8(0) AS types
  FROM (
    SELECT 1
    FROM logs
    WHERE (tenant = 'default')
      AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
      AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
      AND (body_kind > 1)
    LIMIT 1
  )
  UNION ALL
  SELECT toUInt8(5) AS what, '' AS name, toUInt8(0) AS types
  FROM (
    SELECT 1
    FROM logs
    WHERE (tenant = 'default')
      AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
      AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
      AND (severity_number = 0)
    LIMIT 1
  )
  UNION ALL
  SELECT toUInt8(6) AS what, '' AS name, toUInt8(0) AS types
  FROM (
    SELECT 1
    FROM logs
    WHERE (tenant = 'default')
      AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
      AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
      AND (isValidASCII(body) = 0)
    LIMIT 1
  )
)
