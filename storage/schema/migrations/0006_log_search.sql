-- What log records are searched by: the words of their bodies, the texts of
-- their attributes (see attribute.Token) and their resources. Records of before
-- have the token that stands for any.
ALTER TABLE {{table "logs"}}
  ADD COLUMN IF NOT EXISTS attribute_tokens Array(FixedString(4)) DEFAULT [toFixedString(unhex('00000000'), 4)] CODEC(ZSTD(1)) AFTER attributes_other,
  ADD INDEX IF NOT EXISTS attribute_tokens attribute_tokens TYPE bloom_filter(0.02) GRANULARITY 1,
  ADD INDEX IF NOT EXISTS resource_id resource_id TYPE set(256) GRANULARITY 1,
  ADD INDEX IF NOT EXISTS body body TYPE text(tokenizer = splitByNonAlpha);
{{alter_distributed "logs" "ADD COLUMN IF NOT EXISTS attribute_tokens Array(FixedString(4)) AFTER attributes_other"}}
