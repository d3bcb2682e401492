package sqlrule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/rawsql"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

func TestParse(t *testing.T) {
	e, err := Parse("\n  SELECT 1 AS value ")
	if err != nil || e.Text != "SELECT 1 AS value" || e.Data != e.Text || e.Reads("up") {
		t.Errorf("%+v, %v", e, err)
	}
	for text, want := range map[string]string{
		"SELECT 1;\n SELECT 2":      "2:2: a second statement",
		"":                          "1:1: there is no statement",
		"SELECT '\xff'":             "1:1: the statement is not UTF-8",
		strings.Repeat(" ", 300000): "longer than 256 KiB",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

// Rows become a vector; what fails says whose fault it is.
func TestInstant(t *testing.T) {
	addr := storagetest.Addr(storagetest.Database(t, storagetest.Start(t)))
	addr.SQLUser, addr.SQLPassword = addr.ReadUser, addr.ReadPassword
	own, _ := addr.AsSQLUser()
	down := own
	down.TCPAddr = "127.0.0.1:1"
	open := func(a conn.Addr) *rawsql.Store {
		db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return a }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return rawsql.New(db)
	}
	up := open(own)
	at := time.UnixMilli(1_800_000_000_250)
	v, err := Instant(t.Context(), up, tenant.Default, `SELECT map('a', 'x\xffy', 'none', '') AS labels, {tenant:String} AS of, 2 AS value`, at)
	if got := fmt.Sprint(v); err != nil || got != `{a="x�y", of="default"} => 2 @[1800000000250]` {
		t.Errorf("%s, %v", got, err)
	}
	for text, want := range map[string]fault.Code{
		"SELECT nope AS value":                           fault.BadQuery,
		"SELECT 1 AS other":                              fault.Execution,
		"SELECT map('', 'x') AS labels, 1 AS value":      fault.Execution,
		"SELECT number AS value FROM numbers(20000)":     fault.Limit,
		"SELECT 1 AS value FROM nowhere.nothing":         fault.BadQuery,
		"SELECT 1 AS value; DROP TABLE logs":             fault.BadQuery,
		"SELECT 1 AS value FROM file('/etc/passwd')":     fault.BadQuery,
		"SELECT 1 AS value FROM url('http://127.0.0.1')": fault.BadQuery,
	} {
		if _, err := Instant(t.Context(), up, tenant.Default, text, at); fault.Of(err) == nil || fault.Of(err).Code != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := Instant(t.Context(), open(down), tenant.Default, "SELECT 1 AS value", at); fault.Of(err) == nil || fault.Of(err).Code != fault.Unavailable {
		t.Errorf("server away: %v", err)
	}
}
