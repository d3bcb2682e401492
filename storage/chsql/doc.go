// Package chsql prints ClickHouse SELECTs from typed expressions.
//
//	sel := chsql.Select{
//		Columns: []chsql.Expr{chsql.Col("time"), chsql.Col("body")},
//		From:    chsql.Table("logs"),
//		Where:   []chsql.Expr{chsql.Eq(chsql.Path("attributes", key), chsql.String(value))},
//		Limit:   100,
//	}
//	text := sel.SQL()
//
// Text of users can get into a statement in two ways only: as a literal
// (String, Bytes) or as the path of a JSON column (Path), both quoted. All
// other words of SQL are constants of the program: their parameters have the
// unexported type word, which takes a constant and no string variable.
//
// It belongs here: quoting, operators, the clauses of a SELECT, what is true of
// any table. Names of tables and columns, and what an attribute's condition
// looks like, do not.
package chsql
