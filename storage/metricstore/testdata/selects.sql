-- series
SELECT fingerprint, metric_name, prom_name, toUInt8(type), toUInt8(temporality), monotonic, unit, description, labels, attributes, resource_id, scope_id, prometheus
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND ((metric_name IN ('http_requests_total', 'it\'s')) OR (prom_name IN ('http_requests_total', 'it\'s')))
  AND (match(metric_name, '^(?s:http.*)$') OR match(prom_name, '^(?s:http.*)$'))
  AND (arrayExists((k, v) -> (v = 'shop/cart') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'job'), mapKeys(labels), mapValues(labels)) OR (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (arrayExists((k, v) -> (v = 'shop/cart') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'job'), JSONAllPaths(attributes), JSONAllValues(attributes)) OR arrayExists(k -> replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'job', mapKeys(attributes_other)) OR (if(service_namespace = '', service_name, concat(service_namespace, '/', service_name)) = 'shop/cart'))
)))
  AND (arrayExists((k, v) -> match(v, '^(?s:GET|it\'s)$') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'httpmethod'), mapKeys(labels), mapValues(labels)) OR (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (arrayExists((k, v) -> match(v, '^(?s:GET|it\'s)$') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'httpmethod'), JSONAllPaths(attributes), JSONAllValues(attributes)) OR arrayExists(k -> replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'httpmethod', mapKeys(attributes_other)))
)))
ORDER BY observed DESC, day DESC
LIMIT 1 BY fingerprint
LIMIT 101;

-- label sets
SELECT fingerprint, labels, resource_id, prometheus
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND (fingerprint IN {fingerprints:Array(UInt64)})
  AND (metric_name IN ('http.requests', 'it\'s'))
LIMIT 1 BY fingerprint;

-- label sets of names
SELECT fingerprint, labels, resource_id, prometheus
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND (metric_name IN ('http.requests', 'it\'s'))
LIMIT 1 BY fingerprint;

-- exemplars of a trace
SELECT toUnixTimestamp64Nano(time), trace_id, span_id, fingerprint, metric_name, value, attributes
FROM exemplars
WHERE (tenant = 'default')
  AND (trace_id = toFixedString(unhex('01ff0000000000000000000000000000'), 16))
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
ORDER BY time, fingerprint, span_id
LIMIT 101;

-- exemplars of series
SELECT toUnixTimestamp64Nano(time), trace_id, span_id, fingerprint, metric_name, value, attributes
FROM exemplars
WHERE (tenant = 'default')
  AND (fingerprint IN {fingerprints:Array(UInt64)})
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000001000000, 'UTC'))
ORDER BY time, fingerprint, span_id
LIMIT 101;

-- series of exemplars
SELECT fingerprint, metric_name, prom_name, toUInt8(type), toUInt8(temporality), monotonic, unit, description, labels, attributes, resource_id, scope_id, prometheus
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND (metric_name IN ('a', 'it\'s'))
  AND (fingerprint IN {fingerprints:Array(UInt64)})
ORDER BY observed DESC, day DESC
LIMIT 1 BY fingerprint;

-- keys of labels
SELECT DISTINCT arrayJoin(arrayMap(k -> toString(k), arrayFilter((k, v) -> v != '', mapKeys(labels), mapValues(labels)))) AS key, prometheus
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'));

-- shapes by labels and resource
SELECT DISTINCT toUInt8(type) AS kind, prometheus, arrayMap(k -> toString(k), arrayFilter((k, v) -> k IN ('job', 'it\'s'), mapKeys(labels), mapValues(labels))) AS of, arrayFilter((v, k) -> k IN ('job', 'it\'s'), mapValues(labels), mapKeys(labels)) AS held, if(arrayAll(v -> v = '', held), resource_id, toUInt64(0)) AS resource
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
LIMIT 101;

-- shapes by resource
SELECT DISTINCT toUInt8(type) AS kind, prometheus, emptyArrayString() AS of, emptyArrayString() AS held, if(arrayAll(v -> v = '', held), resource_id, toUInt64(0)) AS resource
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
LIMIT 101;

-- shapes by label
SELECT DISTINCT toUInt8(type) AS kind, prometheus, arrayMap(k -> toString(k), arrayFilter((k, v) -> k = 'job', mapKeys(labels), mapValues(labels))) AS of, arrayFilter((v, k) -> k = 'job', mapValues(labels), mapKeys(labels)) AS held, toUInt64(0) AS resource
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
LIMIT 101;

-- series in all
SELECT uniqExact(fingerprint)
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'));

-- label pairs in all
SELECT count()
FROM (
  SELECT DISTINCT k, v
  FROM (
    SELECT fingerprint, arrayJoin(arrayZip(mapKeys(labels), mapValues(labels))) AS pair, tupleElement(pair, 1) AS k, tupleElement(pair, 2) AS v
    FROM series
    WHERE (tenant = 'default')
      AND (day >= toDate('2026-03-01'))
      AND (day <= toDate('2026-03-01'))
  )
);

-- series by metric
SELECT prom_name AS name, uniqExact(fingerprint) AS n
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
GROUP BY name
ORDER BY n DESC, name
LIMIT 10;

-- series by label pair
SELECT concat(k, '=', v) AS name, uniqExact(fingerprint) AS n
FROM (
  SELECT fingerprint, arrayJoin(arrayZip(mapKeys(labels), mapValues(labels))) AS pair, tupleElement(pair, 1) AS k, tupleElement(pair, 2) AS v
  FROM series
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-03-01'))
    AND (day <= toDate('2026-03-01'))
)
GROUP BY name
ORDER BY n DESC, name
LIMIT 10;

-- series by resource
SELECT resource_id, uniqExact(fingerprint) AS n
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
GROUP BY resource_id
ORDER BY n DESC, resource_id
LIMIT 10000;

-- values by label
SELECT toString(k) AS name, count() AS n
FROM (
  SELECT DISTINCT k, v
  FROM (
    SELECT fingerprint, arrayJoin(arrayZip(mapKeys(labels), mapValues(labels))) AS pair, tupleElement(pair, 1) AS k, tupleElement(pair, 2) AS v
    FROM series
    WHERE (tenant = 'default')
      AND (day >= toDate('2026-03-01'))
      AND (day <= toDate('2026-03-01'))
  )
)
GROUP BY name
ORDER BY n DESC, name
LIMIT 10;

-- churn
SELECT on, count(), countIf(on = first)
FROM (
  SELECT arrayJoin(seen) AS on, first
  FROM (
    SELECT fingerprint, groupUniqArray(day) AS seen, min(day) AS first
    FROM series
    WHERE (tenant = 'default')
      AND (day >= toDate('2026-03-01'))
      AND (day <= toDate('2026-03-01'))
    GROUP BY fingerprint
  )
)
GROUP BY on
ORDER BY on;

-- metadata
SELECT metric_name, prom_name, toUInt8(type), toUInt8(temporality), monotonic, unit, prometheus, argMax(description, tuple(observed, day))
FROM series
WHERE (tenant = 'default')
  AND (day >= toDate('2026-03-01'))
  AND (day <= toDate('2026-03-01'))
  AND ((metric_name = 'it\'s') OR (prom_name = 'it\'s'))
GROUP BY metric_name, prom_name, toUInt8(type), toUInt8(temporality), monotonic, unit, prometheus
ORDER BY metric_name, prom_name, toUInt8(type), toUInt8(temporality)
LIMIT 101;

