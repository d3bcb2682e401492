-- extent
SELECT trace_id, toUnixTimestamp64Nano(min(start_time)), toUnixTimestamp64Nano(max(end_time))
FROM trace_index
WHERE (tenant = 'default')
  AND (trace_id = toFixedString(unhex('0102ff00000000000000000000000000'), 16))
GROUP BY trace_id;

-- extents
SELECT trace_id, toUnixTimestamp64Nano(min(start_time)), toUnixTimestamp64Nano(max(end_time))
FROM trace_index
WHERE (tenant = 'default')
  AND (trace_id IN (toFixedString(unhex('0102ff00000000000000000000000000'), 16), toFixedString(unhex('03000000000000000000000000000000'), 16)))
GROUP BY trace_id;

-- spans
SELECT trace_id, span_id, parent_span_id, trace_state, flags, name, service_name, kind, toUnixTimestamp64Nano(start_time), duration, status_code, status_message, dropped_attributes_count, dropped_events_count, dropped_links_count, arrayMap(x -> toUnixTimestamp64Nano(x), event_time), event_name, event_attributes, event_dropped, link_trace_id, link_span_id, link_trace_state, link_flags, link_attributes, link_dropped, resource_id, scope_id, attributes, attributes_other
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = toFixedString(unhex('0102ff00000000000000000000000000'), 16))
  AND (start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC'))
  AND (start_time <= fromUnixTimestamp64Nano(1772366430000000001, 'UTC'))
  AND indexHint(tuple(toStartOfMinute(start_time), trace_id) = tuple(toDateTime(1772366400, 'UTC'), toFixedString(unhex('0102ff00000000000000000000000000'), 16)))
ORDER BY start_time, span_id
LIMIT 101;

-- count
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = toFixedString(unhex('0102ff00000000000000000000000000'), 16))
  AND (start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC'))
  AND (start_time <= fromUnixTimestamp64Nano(1772366430000000001, 'UTC'))
  AND indexHint(tuple(toStartOfMinute(start_time), trace_id) = tuple(toDateTime(1772366400, 'UTC'), toFixedString(unhex('0102ff00000000000000000000000000'), 16)));

-- several
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id IN (toFixedString(unhex('0102ff00000000000000000000000000'), 16), toFixedString(unhex('03000000000000000000000000000000'), 16)))
  AND (start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC'))
  AND (start_time <= fromUnixTimestamp64Nano(1772366490000000000, 'UTC'))
  AND indexHint(tuple(toStartOfMinute(start_time), trace_id) IN (tuple(toDateTime(1772366400, 'UTC'), toFixedString(unhex('0102ff00000000000000000000000000'), 16)), tuple(toDateTime(1772366460, 'UTC'), toFixedString(unhex('0102ff00000000000000000000000000'), 16)), tuple(toDateTime(1772366400, 'UTC'), toFixedString(unhex('03000000000000000000000000000000'), 16))));

-- long
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = toFixedString(unhex('0102ff00000000000000000000000000'), 16))
  AND (start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC'))
  AND (start_time <= fromUnixTimestamp64Nano(1772726430000000000, 'UTC'));

-- before 1970
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = toFixedString(unhex('0102ff00000000000000000000000000'), 16))
  AND (start_time >= fromUnixTimestamp64Nano(-1, 'UTC'))
  AND (start_time <= fromUnixTimestamp64Nano(1772366430000000000, 'UTC'));

