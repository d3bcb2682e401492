-- As with the keys of logs: whether a key's values are among the typed attributes of spans,
-- and of which types, or among the others. Conditions look nowhere else.
CREATE TABLE IF NOT EXISTS {{table "span_key_types"}} (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  key String CODEC(ZSTD(1)),
  place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2, 'String' = 3, 'Int64' = 4, 'Float64' = 5, 'Bool' = 6)
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, key, place)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "span_key_types" "cityHash64(key)"}}

CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "span_key_types_feed"}} TO {{table "span_key_types"}} AS
SELECT tenant, retention_days, day, found.1 AS key, found.2 AS place
FROM (
  SELECT tenant, retention_days, day, arrayJoin(arrayConcat(
    arrayFlatten(arrayMap((k, types) -> arrayMap(t -> (k, if(t IN ('String', 'Int64', 'Float64', 'Bool'), t, 'typed')), types), mapKeys(typed), mapValues(typed))),
    arrayMap(k -> (k, 'other'), others))) AS found
  FROM (
    SELECT tenant, retention_days, toDate(start_time) AS day, distinctJSONPathsAndTypes(attributes) AS typed, groupUniqArrayArray(mapKeys(attributes_other)) AS others
    FROM {{table "spans"}}
    GROUP BY tenant, retention_days, day
  )
);

-- Of what was stored before nothing is known: a row without a key tells of a day of which
-- that is so.
INSERT INTO {{table "span_key_types"}}
SELECT DISTINCT tenant, retention_days, toDate(start_time) AS day, '' AS key, 'unknown' AS place
FROM {{table "spans"}};
