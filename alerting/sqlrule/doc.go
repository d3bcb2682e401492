// Package sqlrule makes SELECTs of ClickHouse's SQL a language of rule groups:
// it reads one without a server, and turns its rows into a vector.
//
// SQL is no language of the query API: who may write rule files may read what
// the ClickHouse user for them may read, and a tenant may not. So it stands here
// and not among those of package language. How a statement is run, and as whom,
// is package rawsql's.
package sqlrule
