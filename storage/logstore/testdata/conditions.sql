-- a record's attribute and a word
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('258ab647'), 4)))) AND (ifNull(attributes.`user.id`.:String = 'u\'1', false) OR (arrayElement(attributes_other, 'user.id') = '{"stringValue":"u\'1"}')))
  AND (body LIKE '%rare%');

-- a resource's attribute
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND match(if(attributes.`env` IS NOT NULL, toString(attributes.`env`), if(arrayElement(attributes_other, 'env') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'env'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'env'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'intValue'), JSONHas(arrayElement(attributes_other, 'env'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'env'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'doubleValue'), arrayElement(attributes_other, 'env') = '{}', '', arrayElement(attributes_other, 'env')))), '^(?s:p.*)$')
));

-- both, and not
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (NOT ((resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (ifNull(attributes.`both`.:String = 'x', false) OR (arrayElement(attributes_other, 'both') = '{"stringValue":"x"}'))
)) OR ((NOT (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND ((attributes.`both` IS NOT NULL) OR mapContains(attributes_other, 'both'))
))) AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('14723d17'), 4)))) AND (ifNull(attributes.`both`.:String = 'x', false) OR (arrayElement(attributes_other, 'both') = '{"stringValue":"x"}'))))));

-- a scope's, absent, unknown
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (scope_id GLOBAL IN (
  SELECT scope_id
  FROM scopes
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (ifNull(attributes.`lib`.:String = 'l', false) OR (arrayElement(attributes_other, 'lib') = '{"stringValue":"l"}'))
))
  AND (NOT (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (NOT (if(attributes.`env` IS NOT NULL, toString(attributes.`env`), if(arrayElement(attributes_other, 'env') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'env'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'env'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'env'), 'intValue'), JSONHas(arrayElement(attributes_other, 'env'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'env'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'env'), 'doubleValue'), arrayElement(attributes_other, 'env') = '{}', '', arrayElement(attributes_other, 'env')))) = ''))
)))
  AND false;

-- columns
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (trace_id = toFixedString(unhex('0102030405060708090a0b0c0d0e0f10'), 16))
  AND (((severity_number = 0) AND (lower(severity_text) = 'error')) OR ((severity_number >= 17) AND (severity_number <= 20)))
  AND (NOT (scope_id GLOBAL IN (
  SELECT scope_id
  FROM scopes
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (name = 'x')
)));

-- numbers
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (((ifNull(attributes.`user.id`.:Int64 >= 5, false) OR ifNull(attributes.`user.id`.:Float64 >= 5, false) OR ifNull(toFloat64OrNull(attributes.`user.id`.:String) >= 5, false)) AND (ifNull(attributes.`user.id`.:Int64 <= 5, false) OR ifNull(attributes.`user.id`.:Float64 <= 5, false) OR ifNull(toFloat64OrNull(attributes.`user.id`.:String) <= 5, false))) OR ((if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id')))) != '') AND (toFloat64OrNull(if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id'))))) IS NULL)));

-- a typed attribute
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('9a67f381'), 4)))) AND ifNull(toString(attributes.`code`) = '500', false))
  AND match(ifNull(toString(attributes.`code`), ''), '^(?s:5.*)$')
  AND ((ifNull(toString(attributes.`code`), '') != '') AND (toFloat64OrNull(ifNull(toString(attributes.`code`), '')) IS NULL));

-- counts by a typed attribute
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(ifNull(toString(attributes.`code`), ''))
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
GROUP BY tile, resource, scope, ifNull(toString(attributes.`code`), '');

-- lines that may be no text
SELECT count()
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (match(body, '(?s:a.b)') OR (body_kind > 1))
  AND (NOT ((body LIKE '%c%') OR (body_kind > 1)))
  AND (NOT (body_kind > 1));

-- errors by minute and service
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(service_name)
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (((severity_number = 0) AND (lower(severity_text) = 'error')) OR ((severity_number >= 17) AND (severity_number <= 20)))
GROUP BY tile, resource, scope, service_name;

-- bytes by attributes, windows apart
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(sum(length(body))) AS bytes, toUInt64(resource_id) AS resource, toUInt64(0) AS scope, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id')))))
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (modulo(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) < 1000000000)
GROUP BY tile, resource, scope, if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id'))));

-- errors, and volume by level, where all have a severity number
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(multiIf(severity_number <= 4, 'trace', severity_number <= 8, 'debug', severity_number <= 12, 'info', severity_number <= 16, 'warn', severity_number <= 20, 'error', 'fatal'))
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND ((severity_number >= 13) AND (severity_number <= 20))
GROUP BY tile, resource, scope, severity_number;

-- streams
SELECT service_name, resource_id, count() AS lines, sum(length(body)) AS bytes
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (service_name = 'shop')
GROUP BY service_name, resource_id
ORDER BY bytes DESC, resource_id
LIMIT 10;

-- keys
SELECT key, groupBitOr(bitShiftLeft(toUInt8(1), toUInt8(place))) AS types
FROM log_keys
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
GROUP BY key
LIMIT 100000;

