-- times
SELECT toUnixTimestamp64Nano(min(time)), toUnixTimestamp64Nano(max(time))
FROM logs
SETTINGS max_threads = 1;

-- one tile, {before:false behind:false}
SELECT toInt64(0) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0)
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (body LIKE '%a.b%')
GROUP BY tile, resource, scope;

-- one tile, {before:true behind:false}
SELECT toInt64(0) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0)
FROM logs
WHERE (tenant = 'default')
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (body LIKE '%a.b%')
GROUP BY tile, resource, scope;

-- one tile, {before:false behind:true}
SELECT toInt64(0) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0)
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (body LIKE '%a.b%')
GROUP BY tile, resource, scope;

-- one tile, {before:true behind:true}
SELECT toInt64(0) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0)
FROM logs
WHERE (tenant = 'default')
  AND (body LIKE '%a.b%')
GROUP BY tile, resource, scope;
