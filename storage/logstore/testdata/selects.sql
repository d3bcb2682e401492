-- newest
SELECT toUnixTimestamp64Nano(time), toUnixTimestamp64Nano(observed_time), id, severity_number, severity_text, trace_id, span_id, flags, event_name, body, body_kind, dropped_attributes_count, service_name, resource_id, scope_id, attributes, attributes_other
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772369940000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772370000000000000, 'UTC'))
ORDER BY time DESC, id DESC
LIMIT 101
SETTINGS query_plan_max_limit_for_lazy_materialization = 10001;

-- filtered
SELECT toUnixTimestamp64Nano(time), toUnixTimestamp64Nano(observed_time), id, severity_number, severity_text, trace_id, span_id, flags, event_name, body, body_kind, dropped_attributes_count, service_name, resource_id, scope_id, attributes, attributes_other
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772366460000000000, 'UTC'))
  AND (service_name IN ('a', 'it\'s'))
  AND (severity_number >= 17)
  AND ((indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('31949685'), 4)))) AND (ifNull(toString(attributes.`http.status`) = '500', false) OR (arrayElement(attributes_other, 'http.status') IN ('{"stringValue":"500"}', '{"intValue":"500"}', '{"doubleValue":500}')))) OR ((NOT ((attributes.`http.status` IS NOT NULL) OR mapContains(attributes_other, 'http.status'))) AND (resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE (tenant = 'default')
    AND (day >= toDate('2026-02-28'))
    AND (day <= toDate('2026-03-02'))
    AND (ifNull(toString(attributes.`http.status`) = '500', false) OR (arrayElement(attributes_other, 'http.status') IN ('{"stringValue":"500"}', '{"intValue":"500"}', '{"doubleValue":500}')))
))))
  AND ((body ILIKE '%time`out\'%') AND indexHint(body ILIKE '%time%'))
ORDER BY time, id
LIMIT 101
SETTINGS query_plan_max_limit_for_lazy_materialization = 10001, use_skip_indexes_on_data_read = 0;

-- trace, second page
SELECT toUnixTimestamp64Nano(time), toUnixTimestamp64Nano(observed_time), id, severity_number, severity_text, trace_id, span_id, flags, event_name, body, body_kind, dropped_attributes_count, service_name, resource_id, scope_id, attributes, attributes_other
FROM logs
WHERE (tenant = 'default')
  AND (time >= fromUnixTimestamp64Nano(1772366400000000000, 'UTC'))
  AND (time < fromUnixTimestamp64Nano(1772366400000000002, 'UTC'))
  AND (trace_id = toFixedString(unhex('0102ff00000000000000000000000000'), 16))
  AND (span_id = toFixedString(unhex('0300000000000000'), 8))
  AND ((time < fromUnixTimestamp64Nano(1772366400000000001, 'UTC')) OR ((time = fromUnixTimestamp64Nano(1772366400000000001, 'UTC')) AND (id < 7)))
ORDER BY time DESC, id DESC
LIMIT 101
SETTINGS query_plan_max_limit_for_lazy_materialization = 10001;

