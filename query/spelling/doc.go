// Package spelling knows how labels are spelled.
//
// An attribute that OTLP brought, say http.method, is a label of several
// spellings: PromQL finds it as http_method and as "http.method", and an answer has
// it as the query spells it, or else as Prometheus does. Labels that Prometheus
// sent have one spelling only.
//
// What belongs here: the translation of names, and which spellings a query uses.
// What does not: metric names and which series have which labels (metricexec).
package spelling
