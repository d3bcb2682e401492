-- Silences of the notifications of alerts: the newest row of an id counts. A
-- row goes some days after its silence has ended; data is Alertmanager's own
-- encoding of it.
CREATE TABLE IF NOT EXISTS {{table "alert_silences"}} (
  tenant LowCardinality(String),
  id String,
  expires_at DateTime64(9, 'UTC'),
  data String CODEC(ZSTD(1)),
  updated_at DateTime64(9, 'UTC')
) ENGINE = {{engine "ReplacingMergeTree" "updated_at"}}
ORDER BY (tenant, id)
TTL toDateTime(expires_at)
SETTINGS {{window}};
{{distributed "alert_silences" "cityHash64(id)"}}
