-- spans with logs, in groups
SELECT types, texts, count() AS traces, sum(spans), sum(records), toUInt64(0), argMax(trace_id, newest), argMax(span, newest), toUnixTimestamp64Nano(max(newest))
FROM (
  SELECT trace_id, CAST(array(toString('String'), toString('Kind')), 'Array(String)') AS types, CAST(array(toString(service_name), toString(toString(kind))), 'Array(String)') AS texts, count() AS spans, max(start_time) AS newest, argMax(span_id, start_time) AS span
  FROM spans
  WHERE (tenant = 'acme')
    AND (start_time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999980, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700000880, 'UTC')))
    AND (status_code = 2)
    AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
  GROUP BY trace_id, types, texts
) AS l
GLOBAL INNER JOIN (
  SELECT trace_id, count() AS records
  FROM logs
  WHERE (tenant = 'acme')
    AND (time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
    AND (time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
    AND ((body LIKE '%timeout%') OR (body_kind > 1))
    AND (NOT (body_kind > 1))
    AND (trace_id GLOBAL IN (
    SELECT trace_id
    FROM spans
    WHERE (tenant = 'acme')
      AND (start_time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
      AND (start_time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
      AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999980, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700000880, 'UTC')))
      AND (status_code = 2)
      AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
  ))
  GROUP BY trace_id
) AS r
USING (trace_id)
GROUP BY types, texts
ORDER BY traces DESC, texts
LIMIT 101

-- logs with spans and exemplars, in groups
SELECT types, texts, count() AS traces, sum(spans), sum(records), sum(points), argMax(trace_id, newest), argMax(span, newest), toUnixTimestamp64Nano(max(newest))
FROM (
  SELECT trace_id, types, texts, spans, newest, span, records
  FROM (
    SELECT trace_id, CAST(array(toString('String')), 'Array(String)') AS types, CAST(array(toString(service_name)), 'Array(String)') AS texts, count() AS spans, max(start_time) AS newest, argMax(span_id, start_time) AS span
    FROM spans
    WHERE (tenant = 'acme')
      AND (start_time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
      AND (start_time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
      AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999080, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700001780, 'UTC')))
      AND (status_code = 2)
      AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
      AND (trace_id GLOBAL IN (
      SELECT trace_id
      FROM logs
      WHERE (tenant = 'acme')
        AND (time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
        AND (time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
        AND ((body LIKE '%timeout%') OR (body_kind > 1))
        AND (NOT (body_kind > 1))
        AND (trace_id != toFixedString(unhex('00000000000000000000000000000000'), 16))
    ))
    GROUP BY trace_id, types, texts
  ) AS l
  GLOBAL INNER JOIN (
    SELECT trace_id, count() AS records
    FROM logs
    WHERE (tenant = 'acme')
      AND (time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
      AND (time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
      AND ((body LIKE '%timeout%') OR (body_kind > 1))
      AND (NOT (body_kind > 1))
      AND (trace_id != toFixedString(unhex('00000000000000000000000000000000'), 16))
    GROUP BY trace_id
  ) AS r
  USING (trace_id)
) AS l
GLOBAL INNER JOIN (
  SELECT trace_id, count() AS points
  FROM exemplars
  WHERE (tenant = 'acme')
    AND (time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
    AND (time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
    AND (fingerprint GLOBAL IN (
    SELECT DISTINCT fingerprint
    FROM series
    WHERE (tenant = 'acme')
      AND (day >= toDate('2023-11-13'))
      AND (day <= toDate('2023-11-15'))
      AND ((metric_name = 'latency') OR (prom_name = 'latency'))
      AND (arrayExists((k, v) -> (v = 'pay') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'servicename'), mapKeys(labels), mapValues(labels)) OR (resource_id GLOBAL IN (
      SELECT resource_id
      FROM resources
      WHERE (tenant = 'acme')
        AND (day >= toDate('2023-11-12'))
        AND (day <= toDate('2023-11-16'))
        AND (arrayExists((k, v) -> (v = 'pay') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'servicename'), JSONAllPaths(attributes), JSONAllValues(attributes)) OR arrayExists(k -> replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'servicename', mapKeys(attributes_other)) OR (service_name = 'pay'))
    )))
  ))
    AND (trace_id GLOBAL IN (
    SELECT trace_id
    FROM spans
    WHERE (tenant = 'acme')
      AND (start_time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
      AND (start_time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
      AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999080, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700001780, 'UTC')))
      AND (status_code = 2)
      AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
      AND (trace_id GLOBAL IN (
      SELECT trace_id
      FROM logs
      WHERE (tenant = 'acme')
        AND (time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
        AND (time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
        AND ((body LIKE '%timeout%') OR (body_kind > 1))
        AND (NOT (body_kind > 1))
        AND (trace_id != toFixedString(unhex('00000000000000000000000000000000'), 16))
    ))
  ))
  GROUP BY trace_id
) AS r
USING (trace_id)
GROUP BY types, texts
ORDER BY traces DESC, texts
LIMIT 101

-- spans in groups
SELECT types, texts, count() AS traces, sum(spans), toUInt64(0), toUInt64(0), argMax(trace_id, newest), argMax(span, newest), toUnixTimestamp64Nano(max(newest))
FROM (
  SELECT trace_id, CAST(array(toString('String')), 'Array(String)') AS types, CAST(array(toString(service_name)), 'Array(String)') AS texts, count() AS spans, max(start_time) AS newest, argMax(span_id, start_time) AS span
  FROM spans
  WHERE (tenant = 'acme')
    AND (start_time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999980, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700000880, 'UTC')))
    AND (status_code = 2)
    AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
  GROUP BY trace_id, types, texts
)
GROUP BY types, texts
ORDER BY traces DESC, texts
LIMIT 101

-- spans with logs
SELECT toUnixTimestamp64Nano(time), toUnixTimestamp64Nano(observed_time), id, severity_number, severity_text, trace_id, span_id, flags, event_name, body, body_kind, dropped_attributes_count, service_name, resource_id, scope_id, attributes, attributes_other
FROM logs
WHERE (tenant = 'acme')
  AND (time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
  AND ((body LIKE '%timeout%') OR (body_kind > 1))
  AND (NOT (body_kind > 1))
  AND (trace_id GLOBAL IN (
  SELECT trace_id
  FROM spans
  WHERE (tenant = 'acme')
    AND (start_time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
    AND (start_time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
    AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999980, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700000880, 'UTC')))
    AND (status_code = 2)
    AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
))
ORDER BY time DESC, id DESC
LIMIT 101

-- logs with spans
SELECT trace_id, span_id, parent_span_id, name, service_name, toUnixTimestamp64Nano(start_time), duration, status_code, kind, status_message, resource_id, scope_id, trace_state, flags, dropped_attributes_count, dropped_events_count, dropped_links_count, arrayMap(x -> toUnixTimestamp64Nano(x), event_time), event_name, event_attributes, event_dropped, link_trace_id, link_span_id, link_attributes, link_trace_state, link_flags, link_dropped, attributes, attributes_other
FROM spans
WHERE (tenant = 'acme')
  AND (start_time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1699999080, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1700001780, 'UTC')))
  AND (status_code = 2)
  AND (indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('620301e9'), 4), toFixedString(unhex('6ad8cd16'), 4)))) AND (ifNull(attributes.`http.route`.:String = '/it\'s', false) OR (mapContains(attributes_other, 'http.route') AND arrayExists(e -> JSONHas(e, 'stringValue') AND (JSONExtractString(e, 'stringValue') = '/it\'s'), if(JSONHas(arrayElement(attributes_other, 'http.route'), 'arrayValue'), JSONExtractArrayRaw(arrayElement(attributes_other, 'http.route'), 'arrayValue', 'values'), array(arrayElement(attributes_other, 'http.route')))))))
  AND (trace_id GLOBAL IN (
  SELECT trace_id
  FROM logs
  WHERE (tenant = 'acme')
    AND (time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
    AND (time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
    AND ((body LIKE '%timeout%') OR (body_kind > 1))
    AND (NOT (body_kind > 1))
    AND (trace_id != toFixedString(unhex('00000000000000000000000000000000'), 16))
))
ORDER BY start_time DESC, span_id
LIMIT 101

-- exemplars with logs with exemplars
SELECT toUnixTimestamp64Nano(time), trace_id, span_id, fingerprint, metric_name, value, attributes
FROM exemplars
WHERE (tenant = 'acme')
  AND (time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
  AND (trace_id GLOBAL IN (
  SELECT trace_id
  FROM logs
  WHERE (tenant = 'acme')
    AND (time >= fromUnixTimestamp64Nano(1699999100000000000, 'UTC'))
    AND (time < fromUnixTimestamp64Nano(1700001800000000000, 'UTC'))
    AND ((body LIKE '%timeout%') OR (body_kind > 1))
    AND (NOT (body_kind > 1))
    AND (trace_id GLOBAL IN (
    SELECT trace_id
    FROM exemplars
    WHERE (tenant = 'acme')
      AND (time >= fromUnixTimestamp64Nano(1700000000000000000, 'UTC'))
      AND (time < fromUnixTimestamp64Nano(1700000900000000000, 'UTC'))
      AND (fingerprint GLOBAL IN (
      SELECT DISTINCT fingerprint
      FROM series
      WHERE (tenant = 'acme')
        AND (day >= toDate('2023-11-13'))
        AND (day <= toDate('2023-11-15'))
        AND ((metric_name = 'latency') OR (prom_name = 'latency'))
        AND (arrayExists((k, v) -> (v = 'pay') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'servicename'), mapKeys(labels), mapValues(labels)) OR (resource_id GLOBAL IN (
        SELECT resource_id
        FROM resources
        WHERE (tenant = 'acme')
          AND (day >= toDate('2023-11-12'))
          AND (day <= toDate('2023-11-16'))
          AND (arrayExists((k, v) -> (v = 'pay') AND (replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'servicename'), JSONAllPaths(attributes), JSONAllValues(attributes)) OR arrayExists(k -> replaceRegexpAll(k, '[^a-zA-Z0-9]+', '') = 'servicename', mapKeys(attributes_other)) OR (service_name = 'pay'))
      )))
    ))
      AND (trace_id != toFixedString(unhex('00000000000000000000000000000000'), 16))
  ))
))
ORDER BY time DESC, fingerprint, span_id
LIMIT 101

