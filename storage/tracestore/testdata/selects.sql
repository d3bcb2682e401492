-- extent
SELECT trace_id, toUnixTimestamp64Nano(min(start_time)), toUnixTimestamp64Nano(max(end_time))
FROM trace_index
WHERE (tenant = 'default')
  AND (trace_id = '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')
GROUP BY trace_id;

-- extents
SELECT trace_id, toUnixTimestamp64Nano(min(start_time)), toUnixTimestamp64Nano(max(end_time))
FROM trace_index
WHERE (tenant = 'default')
  AND (trace_id IN ('\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00', '\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'))
GROUP BY trace_id;

-- spans
SELECT trace_id, span_id, parent_span_id, name, service_name, toUnixTimestamp64Nano(start_time), duration, status_code, kind, status_message, resource_id, scope_id, trace_state, flags, dropped_attributes_count, dropped_events_count, dropped_links_count, arrayMap(x -> toUnixTimestamp64Nano(x), event_time), event_name, event_attributes, event_dropped, link_trace_id, link_span_id, link_attributes, link_trace_state, link_flags, link_dropped, attributes, attributes_other
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')
  AND indexHint((start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC')) AND (start_time < fromUnixTimestamp64Nano(1772366430000000002, 'UTC')) AND (tuple(toStartOfMinute(start_time), trace_id) = (1772366400, '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')))
ORDER BY start_time, span_id
LIMIT 101;

-- count
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')
  AND indexHint((start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC')) AND (start_time < fromUnixTimestamp64Nano(1772366430000000002, 'UTC')) AND (tuple(toStartOfMinute(start_time), trace_id) = (1772366400, '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')));

-- several
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id IN ('\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00', '\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'))
  AND indexHint((start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC')) AND (start_time < fromUnixTimestamp64Nano(1772366490000000001, 'UTC')) AND (tuple(toStartOfMinute(start_time), trace_id) IN ((1772366400, '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'), (1772366460, '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'), (1772366400, '\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'))));

-- long
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')
  AND (start_time >= fromUnixTimestamp64Nano(1772366430000000000, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772726430000000001, 'UTC'))
  AND indexHint((toStartOfMinute(start_time) >= toDateTime(1772366400, 'UTC')) AND (toStartOfMinute(start_time) <= toDateTime(1772726400, 'UTC')));

-- before 1970
SELECT count()
FROM spans
WHERE (tenant = 'default')
  AND (trace_id = '\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')
  AND (start_time >= fromUnixTimestamp64Nano(-1, 'UTC'))
  AND (start_time < fromUnixTimestamp64Nano(1772366430000000001, 'UTC'));

