package backend

import (
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/rawsql"
)

// OpenSQL opens a store for statements that people write, as the user that addr
// names.
func OpenSQL(addr conn.Addr, limits conn.Limits) (*conn.DB, *rawsql.Store, error) {
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }, MaxOpen: 4, Limits: limits})
	if err != nil {
		return nil, nil, err
	}
	return db, rawsql.New(db), nil
}

// SQLRowsToRead is how many rows a rule in SQL may read where
// --query-max-rows sets no limit.
const SQLRowsToRead = 1_000_000_000
