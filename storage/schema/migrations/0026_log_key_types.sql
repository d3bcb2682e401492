-- Of which types a key's values among the typed attributes are: a condition on a key that
-- only ever had integers reads these alone. 'typed' is what was noted before.
ALTER TABLE {{table "log_keys"}}
  MODIFY COLUMN place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2, 'String' = 3, 'Int64' = 4, 'Float64' = 5, 'Bool' = 6);
{{alter_distributed "log_keys" "MODIFY COLUMN place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2, 'String' = 3, 'Int64' = 4, 'Float64' = 5, 'Bool' = 6)"}}

ALTER TABLE {{table "log_keys_feed"}} MODIFY QUERY
SELECT tenant, retention_days, day, found.1 AS key, found.2 AS place
FROM (
  SELECT tenant, retention_days, day, arrayJoin(arrayConcat(
    arrayFlatten(arrayMap((k, types) -> arrayMap(t -> (k, if(t IN ('String', 'Int64', 'Float64', 'Bool'), t, 'typed')), types), mapKeys(typed), mapValues(typed))),
    arrayMap(k -> (k, 'other'), others))) AS found
  FROM (
    SELECT tenant, retention_days, toDate(time) AS day, distinctJSONPathsAndTypes(attributes) AS typed, groupUniqArrayArray(mapKeys(attributes_other)) AS others
    FROM {{table "logs"}}
    GROUP BY tenant, retention_days, day
  )
);
