-- Whether there are bodies that are no text, for which conditions on bodies are not
-- the server's to judge: mostly none, which this tells without reading.
ALTER TABLE {{table "logs"}}
  ADD INDEX IF NOT EXISTS body_kind body_kind TYPE minmax GRANULARITY 8;
