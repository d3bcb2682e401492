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
  AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('9a67f381'), 4)))) AND ifNull(toString(attributes.`code`) = '500', false))
  AND match(ifNull(toString(attributes.`code`), ''), '^(?s:5.*)$')
  AND ((ifNull(toString(attributes.`code`), '') != '') AND (toFloat64OrNull(ifNull(toString(attributes.`code`), '')) IS NULL));

-- counts by a typed attribute
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(ifNull(toString(attributes.`code`), ''))
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
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(service_name)
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (((severity_number = 0) AND (lower(severity_text) = 'error')) OR ((severity_number >= 17) AND (severity_number <= 20)))
GROUP BY tile, resource, scope, service_name;

-- bytes by attributes, windows apart
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(sum(length(body))) AS bytes, toUInt64(resource_id) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id')))))
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND (modulo(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) < 1000000000)
GROUP BY tile, resource, scope, if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id'))));

-- errors, and volume by level, where all have a severity number
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, false AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), toString(multiIf(severity_number <= 4, 'trace', severity_number <= 8, 'debug', severity_number <= 12, 'info', severity_number <= 16, 'warn', severity_number <= 20, 'error', 'fatal'))
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
  AND ((severity_number >= 13) AND (severity_number <= 20))
GROUP BY tile, resource, scope, severity_number;

-- lines as JSON: errors by level, slow ones
WITH JSONExtractRaw(body, 'level') AS shared0,
  ascii(shared0) AS shared1,
  multiIf(shared1 = 34, if(position(shared0, '\\') = 0, substring(shared0, 2, length(shared0) - 2), JSONExtractString(shared0)), ascii(shared0) IN (110, 91, 123), '', shared0) AS shared2,
  ((shared0 = '') OR (ascii(shared0) IN (110, 91, 123))) AS shared3,
  ((NOT (ascii(shared0) IN (110, 91, 123))) OR ((countSubstrings(body, '"level"') <= 1) AND (NOT (position(body, '\\u00') > 0)))) AS shared4,
  ((NOT ((shared1 >= 45) AND (shared1 <= 57))) OR ((toString(JSONType(body, 'level')) IN ('Int64', 'UInt64')) AND ((shared0 != '0') OR (NOT (position(body, '-0') > 0))))) AS shared5,
  JSONExtractRaw(body, 'took') AS shared6,
  ascii(shared6) AS shared7,
  multiIf(shared7 = 34, if(position(shared6, '\\') = 0, substring(shared6, 2, length(shared6) - 2), JSONExtractString(shared6)), ascii(shared6) IN (110, 91, 123), '', shared6) AS shared8,
  ((shared6 = '') OR (ascii(shared6) IN (110, 91, 123))) AS shared9,
  ((NOT (ascii(shared6) IN (110, 91, 123))) OR ((countSubstrings(body, '"took"') <= 1) AND (NOT (position(body, '\\u00') > 0)))) AS shared10,
  ((NOT ((shared7 >= 45) AND (shared7 <= 57))) OR ((toString(JSONType(body, 'took')) IN ('Int64', 'UInt64')) AND ((shared6 != '0') OR (NOT (position(body, '-0') > 0))))) AS shared11,
  (NOT ((startsWith(body, '{') AND ((length(body) < 400) OR (plus(countSubstrings(body, '{'), countSubstrings(body, '[')) < 200)) AND ((shared0 != '') OR (shared6 != '') OR (isValidJSON(body) = 1))) AND (NOT (body_kind > 1)) AND shared4 AND shared5 AND shared10 AND (shared9 OR match(shared8, '^[+-]?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$')))) AS shared12,
  if(unsure, '', shared2) AS shared13
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, shared12 AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), shared13
FROM logs
PREWHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
WHERE ifNull(toFloat64OrNull(shared8) > 1.5, false)
GROUP BY tile, resource, scope, unsure, shared13
SETTINGS compile_expressions = 0;

-- lines as JSON: a name of two words
WITH (match(body, '"user[^A-Za-z0-9_]') = 1) AS shared0,
  JSONExtractRaw(body, 'user_id') AS shared1,
  if(shared0 AND (position(body, '"user"') > 0), JSONExtractRaw(body, 'user', 'id'), '') AS shared2,
  concat(shared1, shared2) AS shared3,
  ascii(shared3) AS shared4,
  if((attributes.`user.id` IS NOT NULL) OR mapContains(attributes_other, 'user.id'), if(attributes.`user.id` IS NOT NULL, toString(attributes.`user.id`), if(arrayElement(attributes_other, 'user.id') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'user.id'), 'intValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'user.id'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'user.id'), 'doubleValue'), arrayElement(attributes_other, 'user.id') = '{}', '', arrayElement(attributes_other, 'user.id')))), multiIf(shared4 = 34, if(position(shared3, '\\') = 0, substring(shared3, 2, length(shared3) - 2), JSONExtractString(shared3)), ascii(shared3) IN (110, 91, 123), '', shared3)) AS shared5,
  ((NOT ((attributes.`user.id` IS NOT NULL) OR mapContains(attributes_other, 'user.id'))) AND ((shared3 = '') OR (ascii(shared3) IN (110, 91, 123)))) AS shared6,
  (if((NOT shared0) AND (NOT (position(body, '\\u00') > 0)), (NOT (ascii(shared3) IN (110, 91, 123))) OR (countSubstrings(body, '"user_id"') <= 1), (NOT (position(body, '\\u00') > 0)) AND (plus(0, plus(shared1 != '', shared2 != '')) <= 1) AND (NOT (ascii(shared3) IN (110, 91, 123))) AND (countMatches(body, '"user(?:[^A-Za-z0-9"\\\\]|\\\\.)id"') = countSubstrings(body, '"user_id"')) AND (countSubstrings(body, '"user"') <= 1)) = true) AS shared7,
  ((NOT ((shared4 >= 45) AND (shared4 <= 57))) OR ((if(shared2 != '', toString(JSONType(body, 'user', 'id')), toString(JSONType(body, 'user_id'))) IN ('Int64', 'UInt64')) AND ((shared3 != '0') OR (NOT (position(body, '-0') > 0))))) AS shared8
SELECT count()
FROM logs
PREWHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
WHERE (NOT ((startsWith(body, '{') AND ((length(body) < 400) OR (plus(countSubstrings(body, '{'), countSubstrings(body, '[')) < 200)) AND ((shared3 != '') OR (isValidJSON(body) = 1))) AND shared7 AND shared8)) OR (shared5 = 'u1')
SETTINGS compile_expressions = 0;

-- lines as logfmt: numbers added up
WITH concat(' ', body) AS shared0,
  countSubstrings(shared0, ' level=') AS shared1,
  position(shared0, ' level=') AS shared2,
  substring(shared0, plus(shared2, 7)) AS shared3,
  if((shared1 = 1) AND (modulo(countSubstrings(substring(shared0, 1, shared2), '"'), 2) = 0), if(startsWith(shared3, '"'), substringIndex(substring(shared3, 2), '"', 1), substringIndex(shared3, ' ', 1)), '') AS shared4,
  shared4 AS shared5,
  (shared4 = '') AS shared6,
  (shared1 <= 1) AS shared7,
  true AS shared8,
  concat(' ', body) AS shared9,
  countSubstrings(shared9, ' took=') AS shared10,
  position(shared9, ' took=') AS shared11,
  substring(shared9, plus(shared11, 6)) AS shared12,
  if((shared10 = 1) AND (modulo(countSubstrings(substring(shared9, 1, shared11), '"'), 2) = 0), if(startsWith(shared12, '"'), substringIndex(substring(shared12, 2), '"', 1), substringIndex(shared12, ' ', 1)), '') AS shared13,
  shared13 AS shared14,
  (shared13 = '') AS shared15,
  (shared10 <= 1) AS shared16,
  true AS shared17,
  (NOT ((match(body, '^ *(?:[^\\x00-\\x20="]+(?:=(?:"[^"\\\\]*"|[^\\x00-\\x20="]*))?(?: +|$))*$') = 1) AND shared7 AND shared8 AND shared16 AND ((shared14 = '') OR match(shared14, '^[+-]?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$')))) AS shared18,
  if(unsure, '', shared5) AS shared19
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, shared18 AS unsure, countIf(isNaN(ifNull(toFloat64OrNull(shared14), nan))), sum(ifNull(toFloat64OrNull(shared14), nan)), min(ifNull(toFloat64OrNull(shared14), nan)), max(ifNull(toFloat64OrNull(shared14), nan)), quantileExactInclusive(0.0)(ifNull(toFloat64OrNull(shared14), nan)), shared19
FROM logs
PREWHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
WHERE shared18 OR (shared14 != '')
GROUP BY tile, resource, scope, unsure, shared19
SETTINGS compile_expressions = 0;

-- lines by a pattern
WITH extractGroups(body, '(?-s:(GET|PUT) )') AS shared0,
  arrayElement(shared0, 1) AS shared1,
  empty(shared0) AS shared2,
  true AS shared3,
  true AS shared4,
  (NOT ((isValidUTF8(body) = 1) AND shared3 AND shared4)) AS shared5,
  if(unsure, '', shared1) AS shared6
SELECT intDiv(toUnixTimestamp64Nano(time) - 1772366400000000000, 60000000000) AS tile, count() AS lines, toUInt64(0) AS bytes, toUInt64(0) AS resource, toUInt64(0) AS scope, shared5 AS unsure, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), toFloat64(0), shared6
FROM logs
PREWHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
GROUP BY tile, resource, scope, unsure, shared6
SETTINGS compile_expressions = 0;

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

