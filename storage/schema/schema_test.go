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
					if s.Unless != "" {
						fmt.Fprintf(&b, "-- unless: %s\n", s.Unless)
					}
					fmt.Fprintf(&b, "%s;\n\n", s.SQL)
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
				q := conn.Query{SQL: "SELECT formatQuerySingleLine({q:String})", Params: map[string]string{"q": s.SQL}}
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
	if err := db.Exec(t.Context(), all[2].Statements[0].SQL); err != nil { // half of number 3
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

// TestSpansMove: what was stored in the order of services is there in the order of
// traces, once, wherever an earlier attempt was cut off.
func TestSpansMove(t *testing.T) {
	all, err := schema.Render(schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const move = 22
	for done := range len(all[move-1].Statements) + 1 {
		db := storagetest.Empty(t)
		stop, cancel := context.WithCancel(t.Context())
		_, err := schema.Migrate(stop, db, schema.Options{Progress: func(m schema.Migration) {
			if m.Version == move-1 {
				cancel()
			}
		}})
		if err == nil {
			t.Fatal("the interrupted run reported success")
		}
		for _, at := range []string{"2026-11-27 10:00:59.5", "2026-11-27 10:01:00"} {
			exec(t, db, "INSERT INTO spans (tenant, retention_days, service_name, name, start_time, trace_id) VALUES ('default', 30, 's', 'n', '"+at+"', 'trace')")
			exec(t, db, "INSERT INTO trace_index VALUES ('default', 30, '2026-11-27', 'trace', '"+at+"', '"+at+"')")
		}
		for _, s := range all[move-1].Statements[:done] {
			exec(t, db, s.SQL)
		}
		if _, err := schema.Migrate(t.Context(), db, schema.Options{}); err != nil {
			t.Fatalf("after %d statements: %v", done, err)
		}
		if n := storagetest.Count(t, db, "SELECT count() FROM spans"); n != 2 {
			t.Errorf("after %d statements: %d spans, want 2", done, n)
		}
		if n := storagetest.Count(t, db, "SELECT toUInt64(dateDiff('millisecond', min(start_time), max(end_time))) FROM trace_index"); n != 500 {
			t.Errorf("after %d statements: the trace is %d ms long, want 500", done, n)
		}
		if n := storagetest.Count(t, db, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND (sorting_key LIKE '%trace_id, start_time' AND name = 'spans' OR name LIKE '%by_trace' OR name LIKE '%fine')"); n != 1 {
			t.Errorf("after %d statements: %d tables, want spans in the new order and no leftovers", done, n)
		}
	}
}

// TestSignalResources: which resources have logs and spans, and which keys resources and scopes
// have, is known of what was stored before it was noted, and once of what comes since, however
// often it is sent.
func TestSignalResources(t *testing.T) {
	db := storagetest.Empty(t)
	stop, cancel := context.WithCancel(t.Context())
	_, err := schema.Migrate(stop, db, schema.Options{Progress: func(m schema.Migration) {
		if m.Version == 28 {
			cancel()
		}
	}})
	if err == nil {
		t.Fatal("the interrupted run reported success")
	}
	const day, next = "2126-11-27", "2126-11-28"
	insert := func(resource int, at, settings string) {
		exec(t, db, fmt.Sprintf("INSERT INTO logs (tenant, retention_days, service_name, time, id, resource_id) %s VALUES ('default', 30, 's', '%s', 1, %d)", settings, at, resource))
		exec(t, db, fmt.Sprintf("INSERT INTO spans (tenant, retention_days, service_name, name, start_time, resource_id) %s VALUES ('default', 30, 's', 'n', '%s', %d)", settings, at, resource+10))
	}
	insert(1, day+" 10:00:00.5", "")
	holders := func(key string) {
		for _, table := range []string{"resources", "scopes"} {
			exec(t, db, "INSERT INTO "+table+" (tenant, retention_days, day, attributes, attributes_other) VALUES ('default', 30, '"+day+"', '{\""+key+"\":1}', map('other."+key+"', 'x'))")
		}
	}
	holders("before")
	if _, err := schema.Migrate(t.Context(), db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{day + " 11:00:00", next + " 12:00:00.25"} {
		for range 2 {
			insert(2, at, "SETTINGS insert_deduplication_token = '"+at+"'")
		}
	}
	holders("since")
	if n := storagetest.Count(t, db, "SELECT count() FROM (SELECT DISTINCT holder, key FROM resource_keys WHERE key IN ('before', 'since', 'other.before', 'other.since'))"); n != 8 {
		t.Errorf("%d keys of resources and scopes, want 8", n)
	}
	exec(t, db, "OPTIMIZE TABLE signal_resources FINAL")
	var got []string
	_, err = db.Select(t.Context(), conn.Query{SQL: "SELECT toString((day, signal, resource_id, first, last)) FROM signal_resources ORDER BY signal, day, resource_id"}, func(r driver.Rows) error {
		var row string
		err := r.Scan(&row)
		got = append(got, row)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, signal := range []string{"logs", "traces"} {
		for _, row := range []struct {
			day         string
			resource    int
			first, last string
		}{
			{day, 1, day + " 00:00:00.000000000", next + " 00:00:00.000000000"},
			{day, 2, day + " 11:00:00.000000000", day + " 11:00:00.000000000"},
			{next, 2, next + " 12:00:00.250000000", next + " 12:00:00.250000000"},
		} {
			want = append(want, fmt.Sprintf("('%s','%s',%d,'%s','%s')", row.day, signal, row.resource+10*i, row.first, row.last))
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("signal_resources (-want +got):\n%s", d)
	}
}
