-- samples
SELECT fingerprint, reinterpretAsString(ts), reinterpretAsString(arraySlice(start_ts, 1, if(arrayMin(start_ts) = arrayMax(start_ts), 1, length(start_ts)))), reinterpretAsString(value)
FROM samples
WHERE (tenant = 'default')
  AND (fingerprint IN {fingerprints:Array(UInt64)})
  AND (hour >= toDateTime(1772366400, 'UTC'))
  AND (hour <= toDateTime(1772370000, 'UTC'))
ORDER BY fingerprint, hour
SETTINGS max_block_size = 128;

-- what there is of series that lie together
SELECT fingerprint, at, stored, pack
FROM (
  SELECT fingerprint, toUnixTimestamp(hour) AS at, ts.size0 AS stored, '' AS pack
  FROM samples
  WHERE (tenant = 'default')
    AND ((fingerprint >= 0) AND (fingerprint <= 0))
    AND (hour >= toDateTime(1772366400, 'UTC'))
    AND (hour <= toDateTime(1772370000, 'UTC'))
  UNION ALL
  SELECT fingerprint, toUnixTimestamp(hour) AS at, stored, pack
  FROM sample_packs
  WHERE (tenant = 'default')
    AND ((fingerprint >= 0) AND (fingerprint <= 0))
    AND (hour >= toDateTime(1772366400, 'UTC'))
    AND (hour <= toDateTime(1772370000, 'UTC'))
);

-- histograms
SELECT fingerprint, toUnixTimestamp64Milli(time), toUnixTimestamp64Milli(start_time), kind, flags, count, sum, sum_digits, sum_places, sum_ulps, min, max, reinterpretAsString(bounds), reinterpretAsString(array(tupleElement(buckets, 1), tupleElement(buckets, 2), tupleElement(buckets, 3), tupleElement(buckets, 4), tupleElement(buckets, 5), tupleElement(buckets, 6), tupleElement(buckets, 7), tupleElement(buckets, 8), tupleElement(buckets, 9), tupleElement(buckets, 10), tupleElement(buckets, 11), tupleElement(buckets, 12), tupleElement(buckets, 13), tupleElement(buckets, 14), tupleElement(buckets, 15), tupleElement(buckets, 16))), reinterpretAsString(counts), scale, zero_count, zero_threshold, positive_offset, reinterpretAsString(positive_counts), negative_offset, reinterpretAsString(negative_counts)
FROM histograms
WHERE (tenant = 'default')
  AND (fingerprint IN {fingerprints:Array(UInt64)})
  AND (time >= fromUnixTimestamp64Milli(1772366400000, 'UTC'))
  AND (time <= fromUnixTimestamp64Milli(1772370000000, 'UTC'))
ORDER BY fingerprint, time;

-- bounds
SELECT DISTINCT fingerprint, reinterpretAsString(bounds)
FROM histograms
WHERE (tenant = 'default')
  AND (fingerprint IN {fingerprints:Array(UInt64)})
  AND (time >= fromUnixTimestamp64Milli(1772366400000, 'UTC'))
  AND (time <= fromUnixTimestamp64Milli(1772370000000, 'UTC'))
  AND (kind = 1);

-- hours held
SELECT at, sum(n) AS n
FROM (
  SELECT toUnixTimestamp(hour) AS at, ts.size0 AS n
  FROM samples
  WHERE (tenant = 'default')
    AND (hour >= toDateTime(1772366400, 'UTC'))
    AND (hour <= toDateTime(1772370000, 'UTC'))
  UNION ALL
  SELECT toUnixTimestamp(toStartOfHour(time)) AS at, toUInt64(1) AS n
  FROM histograms
  WHERE (tenant = 'default')
    AND (time >= fromUnixTimestamp64Milli(1772366400000, 'UTC'))
    AND (time < fromUnixTimestamp64Milli(1772373600000, 'UTC'))
)
GROUP BY at;

-- span
SELECT multiply(toInt64(toUnixTimestamp(min(hour))), 1000), multiply(toInt64(toUnixTimestamp(max(hour))), 1000), count()
FROM samples
WHERE (tenant = 'default')
  AND (toDate(hour) >= toDate('2026-03-01'))
  AND (toDate(hour) <= toDate('2026-03-01'));

