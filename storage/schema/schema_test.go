package schema_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var update = flag.Bool("update", false, "rewrite goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

var topologies = map[string]schema.Options{
	"single":             {},
	"cluster":            {Topology: schema.Cluster},
	"cluster_replicated": {Topology: schema.Cluster, Replicated: true},
}

func TestGoldens(t *testing.T) {
	for name, opt := range topologies {
		t.Run(name, func(t *testing.T) {
			list, err := schema.Render(opt)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, m := range list {
				fmt.Fprintf(&b, "-- %s\n", m)
				for _, s := range m.Statements {
					fmt.Fprintf(&b, "%s;\n\n", s)
				}
			}
			file := filepath.Join("testdata", name+".sql")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), b.String()); d != "" {
				t.Errorf("DDL changed; if meant, run with -update (-golden +now):\n%s", d)
			}
		})
	}
}

// The engine parses what it cannot run: it has no Keeper.
func TestEveryTopologyParses(t *testing.T) {
	db := storagetest.Empty(t)
	for name, opt := range topologies {
		list, err := schema.Render(opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			for i, s := range m.Statements {
				q := conn.Query{SQL: "SELECT formatQuerySingleLine({q:String})", Params: map[string]string{"q": s}}
				if _, err := db.Select(t.Context(), q, func(r driver.Rows) error { return nil }); err != nil {
					t.Errorf("%s: %s: statement %d: %v", name, m, i+1, err)
				}
			}
		}
	}
}

func TestMigrateTwice(t *testing.T) {
	db := storagetest.Empty(t)
	if err := schema.Check(t.Context(), db, schema.Options{}); !errors.Is(err, schema.ErrPending) {
		t.Errorf("Check of an empty database = %v, want ErrPending", err)
	}
	first, err := schema.Migrate(t.Context(), db, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := schema.Render(schema.Options{})
	if first.Before != 0 || first.After != len(all) || len(first.Applied) != len(all) {
		t.Errorf("first run: %+v, want all %d", first, len(all))
	}
	second, err := schema.Migrate(t.Context(), db, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(second.Applied) != 0 || second.After != len(all) {
		t.Errorf("second run applied %v", second.Applied)
	}
	if err := schema.Check(t.Context(), db, schema.Options{}); err != nil {
		t.Error(err)
	}
}

// A crash leaves a migration started, some of its statements done.
func TestMigrateResumes(t *testing.T) {
	db := storagetest.Empty(t)
	all, err := schema.Render(schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stop, cancel := context.WithCancel(t.Context())
	_, err = schema.Migrate(stop, db, schema.Options{Progress: func(m schema.Migration) {
		if m.Version == 2 {
			cancel()
		}
	}})
	if err == nil {
		t.Fatal("the interrupted run reported success")
	}
	if err := db.Exec(t.Context(), all[2].Statements[0]); err != nil { // half of number 3
		t.Fatal(err)
	}
	r, err := schema.Migrate(t.Context(), db, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Before != 2 || r.After != len(all) {
		t.Errorf("resumed from %d to %d, want 2 to %d", r.Before, r.After, len(all))
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	db := storagetest.DB(t)
	for _, state := range []string{"started", "applied"} { // half of a newer schema is newer, too
		exec(t, db, "INSERT INTO schema_migrations (version, name, checksum, state) VALUES (9999, 'future', 'x', '"+state+"')")
		_, err := schema.Migrate(t.Context(), db, schema.Options{})
		if !errors.Is(err, schema.ErrTooNew) || !strings.Contains(err.Error(), "9999") {
			t.Errorf("%s: Migrate = %v, want ErrTooNew naming the version", state, err)
		}
		if err := schema.Check(t.Context(), db, schema.Options{}); !errors.Is(err, schema.ErrTooNew) {
			t.Errorf("%s: Check = %v, want ErrTooNew", state, err)
		}
	}
}

func TestChangedMigrationIsRefused(t *testing.T) {
	db := storagetest.DB(t)
	exec(t, db, "INSERT INTO schema_migrations (version, name, checksum, state, at) VALUES (2, 'logs', 'edited', 'applied', now64(3) + 10)")
	if _, err := schema.Migrate(t.Context(), db, schema.Options{}); !errors.Is(err, schema.ErrChanged) {
		t.Errorf("Migrate = %v, want ErrChanged", err)
	}
}

func exec(t *testing.T, db *conn.DB, sql string) {
	t.Helper()
	if err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
