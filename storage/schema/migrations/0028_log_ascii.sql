-- Whether bodies have characters beyond ASCII, at which the words of a regular expression
-- end and the tokens of the index do not: mostly none, which this tells without reading.
ALTER TABLE {{table "logs"}}
  ADD INDEX IF NOT EXISTS body_ascii isValidASCII(body) TYPE minmax GRANULARITY 8;
ALTER TABLE {{table "logs"}}
  MATERIALIZE INDEX body_ascii;
