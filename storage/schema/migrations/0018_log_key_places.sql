-- Whether a key's values are among the typed attributes or the others: conditions on a
-- key that only the first have need not look at the others. Of what was stored before
-- it is not known.
ALTER TABLE {{table "log_keys"}}
  ADD COLUMN IF NOT EXISTS place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2),
  MODIFY ORDER BY (tenant, key, place);
{{alter_distributed "log_keys" "ADD COLUMN IF NOT EXISTS place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2)"}}

ALTER TABLE {{table "log_keys_feed"}} MODIFY QUERY
SELECT tenant, retention_days, day, found.1 AS key, found.2 AS place
FROM (
  SELECT tenant, retention_days, toDate(time) AS day, arrayJoin(arrayConcat(
    arrayMap(k -> (k, 'typed'), distinctJSONPaths(attributes)),
    arrayMap(k -> (k, 'other'), groupUniqArrayArray(mapKeys(attributes_other))))) AS found
  FROM {{table "logs"}}
  GROUP BY tenant, retention_days, day
);
