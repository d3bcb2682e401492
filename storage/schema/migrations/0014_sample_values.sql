-- A difference of the bits of two numbers, and then ZSTD, is a sixth smaller than Gorilla and cheaper to write.
ALTER TABLE {{table "samples"}} MODIFY COLUMN value CODEC(Delta(8), ZSTD(1));
