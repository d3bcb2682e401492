package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
	"github.com/trefoil-o11y/trefoil/storage/schema"
)

// Addr is an endpoint of the engine as package conn wants it.
func Addr(ep engine.Endpoint) conn.Addr {
	return conn.Addr{
		TCPAddr: ep.TCPAddr, HTTPAddr: ep.HTTPAddr,
		User: ep.User, Password: ep.Password, ReadUser: ep.ReadUser, ReadPassword: ep.ReadPassword,
		Database: ep.Database,
	}
}

// Empty is a connection to a fresh database without tables.
func Empty(t testing.TB) *conn.DB {
	t.Helper()
	ep := Database(t, Start(t))
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return Addr(ep) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// DB is a connection to a fresh database with all tables.
func DB(t testing.TB) *conn.DB {
	t.Helper()
	db := Empty(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := schema.Migrate(ctx, db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	return db
}
