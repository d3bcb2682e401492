package storagetest_test

import (
	"context"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/trefoil-o11y/trefoil/storage/enginelib"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

func TestDatabase(t *testing.T) {
	ep := storagetest.Database(t, storagetest.Start(t))
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{ep.TCPAddr},
		Auth: clickhouse.Auth{Database: ep.Database, Username: ep.User, Password: ep.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var version, database string
	if err := conn.QueryRow(context.Background(), "SELECT version(), currentDatabase()").Scan(&version, &database); err != nil {
		t.Fatal(err)
	}
	if version != enginelib.ServerVersion || database != ep.Database {
		t.Errorf("version %s, database %s; want %s, %s", version, database, enginelib.ServerVersion, ep.Database)
	}
}
