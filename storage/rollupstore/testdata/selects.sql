-- rollups
SELECT fingerprint, at, n, body
FROM (
  SELECT fingerprint, toUInt16(toDate(hour)) AS at, sum(ts.size0) AS n, '' AS body
  FROM samples
  WHERE (tenant = 'default')
    AND (fingerprint IN {fingerprints:Array(UInt64)})
    AND (hour >= toDateTime(1772409600, 'UTC'))
    AND (hour < toDateTime(1772755200, 'UTC'))
  GROUP BY fingerprint, at
  UNION ALL
  SELECT fingerprint, toUInt16(day) AS at, stored AS n, gain AS body
  FROM sample_rollups
  WHERE (tenant = 'default')
    AND (bucket = 3600)
    AND (fingerprint IN {fingerprints:Array(UInt64)})
    AND (day >= toDate('2026-03-02'))
    AND (day <= toDate('2026-03-05'))
);

-- unrolled
SELECT tenant, fingerprint, sum(held), max(days)
FROM (
  SELECT tenant, fingerprint, ts.size0 AS held, toUInt64(0) AS rolled, retention_days AS days
  FROM samples
  WHERE (hour >= toDateTime(1772409600, 'UTC'))
    AND (hour < toDateTime(1772496000, 'UTC'))
  UNION ALL
  SELECT tenant, fingerprint, toUInt64(0) AS held, stored AS rolled, toUInt16(0) AS days
  FROM sample_rollups
  WHERE day = toDate('2026-03-02')
)
GROUP BY tenant, fingerprint
HAVING (sum(held) > max(rolled))
  AND (sum(held) >= 384)
ORDER BY tenant, fingerprint;

