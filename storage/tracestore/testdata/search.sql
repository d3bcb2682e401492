-- status and service
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (status_code = 2)
  AND (service_name = 'it\'s')
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- user.id
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('6e5c93a6'), 4), toFixedString(unhex('ce29f016'), 4)))) AND (ifNull(attributes.`user.id`.:String = 'u1', false) OR (mapContains(attributes_other, 'user.id') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = 'u1'), if(JSONHas(arrayElement(attributes_other, 'user.id'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'user.id'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'user.id')))))))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- number above
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (ifNull(attributes.`size`.:Int64 > 1.5, false) OR ifNull(attributes.`size`.:Float64 > 1.5, false) OR (mapContains(attributes_other, 'size') AND arrayExists(e -> (JSONHas(e, 'intValue') AND (toInt64OrZero(JSONExtractString(e, 'intValue')) > 1.5)) OR (JSONHas(e, 'doubleValue') AND (JSONExtractFloat(e, 'doubleValue') > 1.5)), if(JSONHas(arrayElement(attributes_other, 'size'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'size'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'size'))))))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- of span or resource
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND ((ifNull(attributes.`env`.:String != 'prod', false) OR (mapContains(attributes_other, 'env') AND (notEmpty(if(JSONHas(arrayElement(attributes_other, 'env'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'env'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'env')))) AND arrayAll(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') != 'prod'), if(JSONHas(arrayElement(attributes_other, 'env'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'env'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'env'))))))) OR ((NOT ((attributes.`env` IS NOT NULL) OR mapContains(attributes_other, 'env'))) AND (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (ifNull(attributes.`env`.:String != 'prod', false) OR (mapContains(attributes_other, 'env') AND (notEmpty(if(JSONHas(arrayElement(attributes_other, 'env'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'env'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'env')))) AND arrayAll(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') != 'prod'), if(JSONHas(arrayElement(attributes_other, 'env'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'env'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'env')))))))
))))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- absent
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (NOT ((attributes.`retry` IS NOT NULL) OR mapContains(attributes_other, 'retry')))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- event
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND arrayExists(e -> match(e, '^ex'), event_name)
  AND arrayExists(e -> (position(e, '{"key":"type",') > 0) AND (position(e, '{"stringValue":"T"}') > 0), event_attributes)
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- link and scope
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (has(link_trace_id, toFixedString(unhex('01010101010101010101010101010101'), 16)) OR (scope_id GLOBAL IN (
  SELECT scope_id
  FROM scopes
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (name = 'lib')
)))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- of the trace
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (trace_id GLOBAL IN (
  SELECT trace_id
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772362800000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772370060000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772362800, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772370060, 'UTC')))
    AND (parent_span_id = toFixedString(unhex('0000000000000000'), 8))
    AND (name = 'GET /')
))
  AND (trace_id GLOBAL IN (
  SELECT trace_id
  FROM trace_index
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-01'))
  GROUP BY trace_id
  HAVING minus(toUnixTimestamp64Nano(max(end_time)), toUnixTimestamp64Nano(min(start_time))) > 1000000000
))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- two spans
SELECT trace_id, toUnixTimestamp64Nano(max(start_time)) AS newest
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (status_code = 2)
  AND (trace_id GLOBAL IN (
  SELECT trace_id
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772362800000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772370060000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772362800, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772370060, 'UTC')))
    AND (kind = 3)
))
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT 20
SETTINGS use_skip_indexes_on_data_read = 0;

-- aggregate
SELECT toInt64(step), types, texts, power, count(), count(v), sum(v), min(v), max(v), arrayMap(x -> toFloat64(x), quantilesTDigest(0.5, 0.99)(v)), argMax(trace_id, v), argMax(span_id, v), toUnixTimestamp64Nano(argMax(start_time, v)), max(v)
FROM (
  SELECT intDiv(minus(toUnixTimestamp64Nano(start_time), 1772366400000000001), 30000000000) AS step, CAST(array(toString(transform(resource_id, arrayPushBack((
    SELECT groupArray(id)
    FROM (
      SELECT resource_id AS id, if(attributes.`env` IS NOT NULL, dynamicType(attributes.`env`), if(mapContains(attributes_other, 'env'), 'other', '')) AS typ, if(attributes.`env` IS NOT NULL, toString(attributes.`env`), if(arrayElement(attributes_other, 'env') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'env'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'env'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'intValue'), JSONHas(arrayElement(attributes_other, 'env'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'env'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'doubleValue'), arrayElement(attributes_other, 'env') = '{}', '', arrayElement(attributes_other, 'env')))) AS val
      FROM resources
      WHERE (tenant = 'default')
        AND (day >= toDate('2026-02-28'))
        AND (day <= toDate('2026-03-02'))
      ORDER BY id
      LIMIT 1 BY id
    )
  ), toUInt64(0)), arrayPushBack((
    SELECT groupArray(toString(typ))
    FROM (
      SELECT resource_id AS id, if(attributes.`env` IS NOT NULL, dynamicType(attributes.`env`), if(mapContains(attributes_other, 'env'), 'other', '')) AS typ, if(attributes.`env` IS NOT NULL, toString(attributes.`env`), if(arrayElement(attributes_other, 'env') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'env'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'env'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'intValue'), JSONHas(arrayElement(attributes_other, 'env'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'env'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'doubleValue'), arrayElement(attributes_other, 'env') = '{}', '', arrayElement(attributes_other, 'env')))) AS val
      FROM resources
      WHERE (tenant = 'default')
        AND (day >= toDate('2026-02-28'))
        AND (day <= toDate('2026-03-02'))
      ORDER BY id
      LIMIT 1 BY id
    )
  ), ''), '')), toString(if(attributes.`user.id` IS NOT NULL, dynamicType(attributes.`user.id`), if(mapContains(attributes_other, 'user.id'), 'other', '')))), 'Array(String)') AS types, CAST(array(toString(transform(resource_id, arrayPushBack((
    SELECT groupArray(id)
    FROM (
      SELECT resource_id AS id, if(attributes.`env` IS NOT NULL, dynamicType(attributes.`env`), if(mapContains(attributes_other, 'env'), 'other', '')) AS typ, if(attributes.`env` IS NOT NULL, toString(attributes.`env`), if(arrayElement(attributes_other, 'env') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'env'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'env'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'intValue'), JSONHas(arrayElement(attributes_other, 'env'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'env'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'doubleValue'), arrayElement(attributes_other, 'env') = '{}', '', arrayElement(attributes_other, 'env')))) AS val
      FROM resources
      WHERE (tenant = 'default')
        AND (day >= toDate('2026-02-28'))
        AND (day <= toDate('2026-03-02'))
      ORDER BY id
      LIMIT 1 BY id
    )
  ), toUInt64(0)), arrayPushBack((
    SELECT groupArray(toString(val))
    FROM (
      SELECT resource_id AS id, if(attributes.`env` IS NOT NULL, dynamicType(attributes.`env`), if(mapContains(attributes_other, 'env'), 'other', '')) AS typ, if(attributes.`env` IS NOT NULL, toString(attributes.`env`), if(arrayElement(attributes_other, 'env') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'env'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'env'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'intValue'), JSONHas(arrayElement(attributes_other, 'env'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'env'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'doubleValue'), arrayElement(attributes_other, 'env') = '{}', '', arrayElement(attributes_other, 'env')))) AS val
      FROM resources
      WHERE (tenant = 'default')
        AND (day >= toDate('2026-02-28'))
        AND (day <= toDate('2026-03-02'))
      ORDER BY id
      LIMIT 1 BY id
    )
  ), ''), '')), toString(if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id')))))), 'Array(String)') AS texts, toInt64(0) AS power, toFloat64(duration) AS v, trace_id, span_id, start_time
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366400000000001, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000001, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (status_code = 2)
)
GROUP BY step, types, texts, power
LIMIT 100;

-- aggregate of known types
SELECT toInt64(step), types, texts, power, count(), count(v), sum(v), min(v), max(v), CAST(array(), 'Array(Float64)'), argMax(trace_id, v), argMax(span_id, v), toUnixTimestamp64Nano(argMax(start_time, v)), max(v)
FROM (
  SELECT intDiv(minus(toUnixTimestamp64Nano(start_time), 1772366400000000001), 30000000000) AS step, CAST(array(toString(if(attributes.`user.id`.:String IS NOT NULL, 'String', ''))), 'Array(String)') AS types, CAST(array(toString(ifNull(attributes.`user.id`.:String, ''))), 'Array(String)') AS texts, toInt64(0) AS power, assumeNotNull(toFloat64(attributes.`size`.:Int64)) AS v, trace_id, span_id, start_time
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366400000000001, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000001, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (attributes.`size`.:Int64 IS NOT NULL)
    AND (toFloat64(attributes.`size`.:Int64) IS NOT NULL)
)
GROUP BY step, types, texts, power
LIMIT 100;

-- histogram
SELECT toInt64(step), types, texts, power, count(), count(v), sum(v), min(v), max(v), CAST(array(), 'Array(Float64)'), argMax(trace_id, v), argMax(span_id, v), toUnixTimestamp64Nano(argMax(start_time, v)), max(v)
FROM (
  SELECT intDiv(minus(toUnixTimestamp64Nano(start_time), 1772366400000000001), 60000000000) AS step, CAST(array(), 'Array(String)') AS types, CAST(array(), 'Array(String)') AS texts, toInt64(ceil(log2(assumeNotNull(coalesce(toFloat64(attributes.`size`.:Int64), attributes.`size`.:Float64))))) AS power, assumeNotNull(coalesce(toFloat64(attributes.`size`.:Int64), attributes.`size`.:Float64)) AS v, trace_id, span_id, start_time
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366400000000001, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000001, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (coalesce(toFloat64(attributes.`size`.:Int64), attributes.`size`.:Float64) IS NOT NULL)
    AND (assumeNotNull(coalesce(toFloat64(attributes.`size`.:Int64), attributes.`size`.:Float64)) > 0)
)
GROUP BY step, types, texts, power
LIMIT 100;

-- values
SELECT typ, val, count() AS n
FROM (
  SELECT toString(if(attributes.`user.id` IS NOT NULL, dynamicType(attributes.`user.id`), if(mapContains(attributes_other, 'user.id'), 'other', ''))) AS typ, toString(if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id'))))) AS val
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND ((attributes.`user.id` IS NOT NULL) OR mapContains(attributes_other, 'user.id'))
  LIMIT 1000
)
GROUP BY typ, val
ORDER BY n DESC, val
LIMIT 10;

-- red
SELECT toString(service_name) AS service, toString(name) AS operation, intDiv(minus(toUnixTimestamp64Nano(start_time), 1772366400000000000), 60000000000) AS step, count(), countIf(status_code = 2), toFloat64(sum(duration)), arrayMap(x -> toFloat64(x), quantilesTDigest(0.5, 0.9, 0.99)(duration)), tupleElement(sumMap(array(toInt64(ceil(log2(greatest(duration, 1))))), array(toUInt64(1))), 1), tupleElement(sumMap(array(toInt64(ceil(log2(greatest(duration, 1))))), array(toUInt64(1))), 2), argMax(trace_id, duration), argMax(span_id, duration), toUnixTimestamp64Nano(argMax(start_time, duration)), toFloat64(max(duration)), argMaxIf(trace_id, start_time, status_code = 2), argMaxIf(span_id, start_time, status_code = 2), toUnixTimestamp64Nano(argMaxIf(start_time, start_time, status_code = 2))
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
  AND (service_name IN ('a', 'b'))
  AND (kind IN (2, 5))
GROUP BY service, operation, step
ORDER BY service, operation, step
LIMIT 10;

-- graph
SELECT client, server, count() AS n, countIf(status_code = 2), arrayMap(x -> toFloat64(x), quantilesTDigest(0.5, 0.99)(duration))
FROM (
  SELECT trace_id, span_id AS span, toString(service_name) AS client
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366100000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366100, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (kind IN (3, 4))
) AS l
GLOBAL INNER JOIN (
  SELECT trace_id, parent_span_id AS span, toString(service_name) AS server, start_time, duration, status_code
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (kind IN (2, 5))
    AND (parent_span_id != toFixedString(unhex('0000000000000000'), 8))
) AS r
USING (trace_id, span)
WHERE client != server
GROUP BY client, server
ORDER BY n DESC, client, server
LIMIT 10;

-- calls by step
SELECT client, server, intDiv(minus(toUnixTimestamp64Nano(start_time), 1772366400000000000), 60000000000) AS step, count(), countIf(status_code = 2), toFloat64(sum(duration)), tupleElement(sumMap(array(toInt64(least(greatest(ceil(log2(divide(greatest(duration, 1), 2e+06))), 0), 14))), array(toUInt64(1))), 1), tupleElement(sumMap(array(toInt64(least(greatest(ceil(log2(divide(greatest(duration, 1), 2e+06))), 0), 14))), array(toUInt64(1))), 2)
FROM (
  SELECT trace_id, span_id AS span, toString(service_name) AS client
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366100000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366100, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (kind IN (3, 4))
) AS l
GLOBAL INNER JOIN (
  SELECT trace_id, parent_span_id AS span, toString(service_name) AS server, start_time, duration, status_code
  FROM spans
  WHERE (tenant = 'default')
    AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
    AND (kind IN (2, 5))
    AND (parent_span_id != toFixedString(unhex('0000000000000000'), 8))
) AS r
USING (trace_id, span)
WHERE client != server
GROUP BY client, server, step
ORDER BY client, server, step
LIMIT 11;

-- spans by step
SELECT toString(service_name) AS service, toString(name) AS operation, kind, status_code, intDiv(minus(toUnixTimestamp64Nano(start_time), 1772366400000000000), 60000000000) AS step, count(), countIf(status_code = 2), toFloat64(sum(duration)), tupleElement(sumMap(array(toInt64(least(greatest(ceil(log2(divide(greatest(duration, 1), 2e+06))), 0), 14))), array(toUInt64(1))), 1), tupleElement(sumMap(array(toInt64(least(greatest(ceil(log2(divide(greatest(duration, 1), 2e+06))), 0), 14))), array(toUInt64(1))), 2)
FROM spans
WHERE (tenant = 'default')
  AND (start_time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772366460, 'UTC')))
GROUP BY service, operation, kind, status_code, step
ORDER BY service, operation, kind, status_code, step
LIMIT 11;

