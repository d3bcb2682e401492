-- http.status="500"
indexHint(hasAny(attribute_tokens, array(toFixedString(unhex('00000000'), 4), toFixedString(unhex('31949685'), 4)))) AND (ifNull(toString(attributes.`http.status`) = '500', false) OR (arrayElement(attributes_other, 'http.status') IN ('{"stringValue":"500"}', '{"intValue":"500"}', '{"doubleValue":500}')))

-- http.status!="ok"
NOT (ifNull(attributes.`http.status`.:String = 'ok', false) OR (arrayElement(attributes_other, 'http.status') = '{"stringValue":"ok"}'))

-- it's=~"a|b"
match(if(attributes.`it's` IS NOT NULL, toString(attributes.`it's`), if(arrayElement(attributes_other, 'it\'s') = '', '', multiIf(JSONHas(arrayElement(attributes_other, 'it\'s'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, 'it\'s'), 'stringValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, 'it\'s'), 'bytesValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'intValue'), JSONExtractString(arrayElement(attributes_other, 'it\'s'), 'intValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, 'it\'s'), 'boolValue'), JSONHas(arrayElement(attributes_other, 'it\'s'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, 'it\'s'), 'doubleValue'), arrayElement(attributes_other, 'it\'s') = '{}', '', arrayElement(attributes_other, 'it\'s')))), '^(?s:a|b)$')

-- n>="1.5"
ifNull(attributes.`n`.:Int64 >= 1.5, false) OR ifNull(attributes.`n`.:Float64 >= 1.5, false) OR ifNull(toFloat64OrNull(attributes.`n`.:String) >= 1.5, false)

-- env!="prod"
(((attributes.`env` IS NOT NULL) OR mapContains(attributes_other, 'env')) AND (NOT (ifNull(attributes.`env`.:String = 'prod', false) OR (arrayElement(attributes_other, 'env') IN ('{"stringValue":"prod"}', '{"bytesValue":"prod"}'))))) OR ((NOT ((attributes.`env` IS NOT NULL) OR mapContains(attributes_other, 'env'))) AND (resource_id GLOBAL NOT IN (
  SELECT resource_id
  FROM resources
  WHERE NOT (NOT (ifNull(attributes.`env`.:String = 'prod', false) OR (arrayElement(attributes_other, 'env') IN ('{"stringValue":"prod"}', '{"bytesValue":"prod"}'))))
)))

-- ^`x`="1"
resource_id GLOBAL IN (
  SELECT resource_id
  FROM resources
  WHERE if(indexOf(JSONAllPaths(attributes), '^`x`') > 0, arrayElement(JSONAllValues(attributes), indexOf(JSONAllPaths(attributes), '^`x`')), if(arrayElement(attributes_other, '^`x`') = '', '', multiIf(JSONHas(arrayElement(attributes_other, '^`x`'), 'stringValue'), JSONExtractString(arrayElement(attributes_other, '^`x`'), 'stringValue'), JSONHas(arrayElement(attributes_other, '^`x`'), 'bytesValue'), JSONExtractString(arrayElement(attributes_other, '^`x`'), 'bytesValue'), JSONHas(arrayElement(attributes_other, '^`x`'), 'intValue'), JSONExtractString(arrayElement(attributes_other, '^`x`'), 'intValue'), JSONHas(arrayElement(attributes_other, '^`x`'), 'boolValue'), JSONExtractRaw(arrayElement(attributes_other, '^`x`'), 'boolValue'), JSONHas(arrayElement(attributes_other, '^`x`'), 'doubleValue'), JSONExtractRaw(arrayElement(attributes_other, '^`x`'), 'doubleValue'), arrayElement(attributes_other, '^`x`') = '{}', '', arrayElement(attributes_other, '^`x`')))) = '1'
)

