package engine_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// ClickHouse error codes.
const (
	codeUnsupportedMethod = 1
	codeSettingConstraint = 452
	codeAuthentication    = 516
	codeAccessDenied      = 497
	codeCannotOpenFile    = 76
	codeReadonly          = 164
	codeStdException      = 1001
	codeFileDoesntExist   = 107
	codeTooManySessions   = 700
	codeMemoryLimit       = 241
)

// The SQL function file() needs no grant in this mode, so the kernel has to say no.
func TestConfined(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := start(t, testConfig(newDir(t)))
	ep := e.Endpoint()
	for _, conn := range []struct{ user, password string }{{ep.User, ep.Password}, {ep.ReadUser, ep.ReadPassword}} {
		conn := connect(t, ep, conn.user, conn.password)
		for _, path := range []string{"/etc/passwd", "/etc/shadow", secret, "/proc/1/environ", "/proc/self/root/etc/passwd"} {
			wantCode(t, conn, "SELECT file('"+path+"')", codeCannotOpenFile, codeFileDoesntExist, codeStdException)
			wantCode(t, conn, "SELECT * FROM file('"+path+"', 'LineAsString')", codeAccessDenied, codeReadonly)
		}
		wantCode(t, conn, "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", codeAccessDenied, codeReadonly)
		for _, program := range []string{"id", "/usr/bin/id", "../../../../../../../../usr/bin/id"} { // none is in the scripts folder
			wantCode(t, conn, "SELECT * FROM executable('"+program+"', 'TSV', 'x String')", codeUnsupportedMethod, codeReadonly, codeAccessDenied)
		}
	}
}

// The counterpart of TestConfined: without Landlock the same query reads the file, so it is Landlock that forbids it.
func TestUnconfined(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(newDir(t))
	cfg.Unconfined = true
	ep := start(t, cfg).Endpoint()
	var got string
	if err := worker(t, ep).QueryRow(context.Background(), "SELECT file('"+secret+"')").Scan(&got); err != nil || got != "secret" {
		t.Errorf("read %q, %v; want %q", got, err, "secret")
	}
}

// Neither the command line nor the environment of the child says anything, and nobody else may look into its files.
func TestSecretsStayPrivate(t *testing.T) {
	t.Setenv("CLOUD_TOKEN", "do-not-inherit")
	e := start(t, testConfig(newDir(t)))
	ep := e.Endpoint()
	proc := filepath.Join("/proc", strconv.Itoa(e.PID()))
	for _, name := range []string{"cmdline", "environ"} {
		raw, err := os.ReadFile(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{ep.Password, ep.ReadPassword, "do-not-inherit", "CLOUD_TOKEN"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s contains %s", name, secret)
			}
		}
	}
	root := filepath.Dir(filepath.Join(e.DataDir(), "x"))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if path == root && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if filepath.Base(filepath.Dir(path)) != "conf" {
			return nil
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(raw), ep.Password) || strings.Contains(string(raw), ep.ReadPassword) {
			t.Errorf("%s has a password in clear", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUsers(t *testing.T) {
	e := start(t, testConfig(newDir(t)))
	ep := e.Endpoint()
	work := worker(t, ep)
	exec(t, work, table, "INSERT INTO t VALUES (1)", "CREATE DATABASE trefoil_x", "CREATE TABLE trefoil_x.t AS t", "DROP DATABASE trefoil_x SYNC",
		"CREATE MATERIALIZED VIEW mv ENGINE = AggregatingMergeTree ORDER BY n AS SELECT n, count() AS c FROM t GROUP BY n",
		"CREATE MATERIALIZED VIEW rv REFRESH EVERY 1 HOUR ENGINE = MergeTree ORDER BY n AS SELECT n FROM t", "SYSTEM REFRESH VIEW rv",
		"CREATE DICTIONARY d (n UInt64) PRIMARY KEY n SOURCE(CLICKHOUSE(TABLE 't' DB 'trefoil')) LIFETIME(0) LAYOUT(FLAT())",
		"ALTER TABLE t ADD COLUMN m UInt8", "ALTER TABLE t DELETE WHERE n = 7", "OPTIMIZE TABLE t FINAL", "SYSTEM STOP MERGES t", "SYSTEM START MERGES t",
		"KILL QUERY WHERE query_id = 'none'",
		"SYSTEM FLUSH LOGS", "SELECT * FROM system.parts FORMAT Null")

	t.Run("work", func(t *testing.T) {
		for _, sql := range []string{
			"CREATE DATABASE other",
			"CREATE USER u", "CREATE USER trefoil", "ALTER USER trefoil_ro SETTINGS readonly = 0", "GRANT ALL ON trefoil.* TO trefoil_ro",
			"CREATE TABLE f (n UInt8) ENGINE = File(TSV)", "CREATE TABLE f (n UInt8) ENGINE = URL('http://127.0.0.1/', TSV)",
			"CREATE TABLE f (n UInt8) ENGINE = Executable('id', TSV)",
			"SELECT * FROM remote('127.0.0.1', system.one)", "SELECT * FROM s3('http://127.0.0.1:1/bucket/x', 'TSV')",
			"CREATE TABLE default.t (n UInt8) ENGINE = Memory",
			"SYSTEM SHUTDOWN",
			"SYSTEM STOP LISTEN TCP",
			"TRUNCATE TABLE system.query_log",
		} {
			wantCode(t, work, sql, codeAccessDenied)
		}
	})
	t.Run("read", func(t *testing.T) {
		read := connect(t, ep, ep.ReadUser, ep.ReadPassword)
		wantCount(t, read, "t", 1)
		for _, sql := range []string{
			"INSERT INTO t SELECT 1",
			"CREATE TABLE u (n UInt8) ENGINE = Memory",
			"DROP TABLE t", "TRUNCATE TABLE t", "ALTER TABLE t DELETE WHERE 1", "OPTIMIZE TABLE t",
			"CREATE DATABASE trefoil_y",
			"KILL QUERY WHERE 1",
			"SYSTEM FLUSH LOGS",
			"SELECT * FROM system.query_log",
			"SELECT * FROM system.users",
			"BACKUP TABLE t TO File('x')",
		} {
			wantCode(t, read, sql, codeAccessDenied, codeReadonly)
		}
		wantCode(t, read, "SELECT 1 SETTINGS max_execution_time = 0", codeSettingConstraint)
		wantCode(t, read, "SELECT 1 SETTINGS max_memory_usage = 0", codeSettingConstraint)
		wantCode(t, read, "SELECT 1 SETTINGS readonly = 0", codeReadonly)
		wantCode(t, read, "SELECT groupArray(number) FROM numbers(1000000000)", codeMemoryLimit)
		exec(t, read, "SELECT 1 SETTINGS max_execution_time = 5, max_memory_usage = 1000000")
	})
	t.Run("nobody", func(t *testing.T) {
		for _, user := range []struct{ name, password string }{{"default", ""}, {ep.User, ""}, {ep.User, "x"}, {ep.ReadUser, ep.Password}} {
			wantCode(t, connect(t, ep, user.name, user.password), "SELECT 1", codeAuthentication, codeTooManySessions)
		}
	})
}

func TestBackup(t *testing.T) {
	e := start(t, testConfig(newDir(t)))
	conn := worker(t, e.Endpoint())
	inside := filepath.Join(e.DataDir(), "backups", "one")
	exec(t, conn, table, "INSERT INTO t VALUES (1), (2)", "BACKUP TABLE t TO File('"+inside+"')", "DROP TABLE t SYNC",
		"RESTORE TABLE t FROM File('"+inside+"')")
	wantCount(t, conn, "t", 2)
	if err := conn.Exec(context.Background(), "BACKUP TABLE t TO File('/tmp/trefoil-backup')"); err == nil {
		t.Error("a backup outside of the data directory was allowed")
	}
}

// The engine's own logs are on, and are dropped after days.
func TestSystemLogs(t *testing.T) {
	cfg := testConfig(newDir(t))
	for range 2 { // the second start is where a system database that is not Atomic fails
		e := start(t, cfg)
		conn := worker(t, e.Endpoint())
		exec(t, conn, "CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = MergeTree ORDER BY n", "INSERT INTO t VALUES (1)", "SYSTEM FLUSH LOGS")
		for _, name := range []string{"query_log", "part_log"} {
			var ddl string
			if err := conn.QueryRow(context.Background(), "SELECT create_table_query FROM system.tables WHERE database = 'system' AND name = '"+name+"'").Scan(&ddl); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !strings.Contains(ddl, "TTL event_date + toIntervalDay(3)") {
				t.Errorf("%s has no TTL: %s", name, ddl)
			}
		}
		wantCount(t, conn, "system.tables WHERE database = 'system' AND name LIKE '%\\_log' AND name NOT IN ('query_log', 'part_log')", 0)
		conn.Close()
		stop(t, e)
	}
}
