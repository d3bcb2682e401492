-- resources
SELECT resource_id, service_name, service_namespace, service_instance_id, dropped_attributes_count, schema_url, attributes, attributes_other
FROM resources
WHERE (tenant = 'default')
  AND (day >= toDate('2026-02-28'))
  AND (day <= toDate('2026-03-02'))
  AND (resource_id IN {ids:Array(UInt64)})
LIMIT 1 BY resource_id;

-- scopes
SELECT scope_id, name, version, dropped_attributes_count, schema_url, attributes, attributes_other
FROM scopes
WHERE (tenant = 'default')
  AND (day >= toDate('2026-02-28'))
  AND (day <= toDate('2026-03-02'))
  AND (scope_id IN {ids:Array(UInt64)})
LIMIT 1 BY scope_id;

-- ids
SELECT resource_id
FROM resources
WHERE (tenant = 'default')
  AND (day >= toDate('2026-02-28'))
  AND (day <= toDate('2026-03-02'))
  AND (service_namespace = 'it\'s');

-- services
SELECT DISTINCT service_name
FROM resources
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
ORDER BY service_name
LIMIT 101;

-- services that log
SELECT DISTINCT service_name
FROM resources
WHERE (tenant = 'default')
  AND (day >= toDate('2026-02-28'))
  AND (day <= toDate('2026-03-02'))
  AND (resource_id GLOBAL IN (
  SELECT resource_id
  FROM signal_resources
  WHERE (tenant = 'default')
    AND (signal = 'logs')
    AND (day >= toDate('2026-03-01'))
    AND (day <= toDate('2026-03-01'))
    AND (first < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
    AND (last >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
))
ORDER BY service_name
LIMIT 101;

-- keys
SELECT DISTINCT toUInt8(holder) AS holder, key
FROM resource_keys
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
LIMIT 101;

-- keys of scopes
SELECT DISTINCT key
FROM resource_keys
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND (holder = 'scope')
ORDER BY key
LIMIT 101;

-- label names
SELECT DISTINCT arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS name
FROM resources
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
ORDER BY name
LIMIT 101;

-- label values
SELECT DISTINCT if(attributes.`it's` IS NOT NULL, toString(attributes.`it's`), if(arrayElement(attributes_other, 'it\'s') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'it\'s'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'it\'s'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'it\'s'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'it\'s'), 'intValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'it\'s'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'it\'s'), 'doubleValue'), arrayElement(attributes_other, 'it\'s') = '{}', '', arrayElement(attributes_other, 'it\'s')))) AS value
FROM resources
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND ((attributes.`it's` IS NOT NULL) OR mapContains(attributes_other, 'it\'s'))
ORDER BY value
LIMIT 101;

