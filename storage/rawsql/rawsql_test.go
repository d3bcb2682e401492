package rawsql_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/rawsql"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// open connects as the engine's read-only user, or as the one who may write.
func open(t *testing.T, writer bool) *rawsql.Store {
	t.Helper()
	addr := storagetest.Addr(storagetest.Database(t, storagetest.Start(t)))
	addr.SQLUser, addr.SQLPassword = addr.ReadUser, addr.ReadPassword
	if writer {
		addr.SQLUser, addr.SQLPassword = addr.User, addr.Password
	}
	own, ok := addr.AsSQLUser()
	if !ok {
		t.Fatal("no SQL user")
	}
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return own }, Limits: conn.Limits{MaxTime: 10 * time.Second, MaxRowsToRead: 1_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return rawsql.New(db)
}

func TestSelect(t *testing.T) {
	s := open(t, false)
	at := time.Date(2026, 11, 27, 10, 0, 0, 250e6, time.UTC)
	for name, tt := range map[string]struct {
		sql  string
		want []string
	}{
		"kinds of values": {`SELECT arrayJoin([0, 1]) AS n, if(n = 0, toUInt8(3), 4) AS value -- a comment; with a semicolon
			;`, []string{"map[n:0]=3", "map[n:1]=4"}},
		"float":    {"SELECT toFloat32(1.5) AS value", []string{"map[]=1.5"}},
		"decimal":  {"SELECT toDecimal64(2.25, 2) AS value", []string{"map[]=2.25"}},
		"wide":     {"SELECT toInt256(-7) AS value", []string{"map[]=-7"}},
		"bool":     {"SELECT true AS value", []string{"map[]=1"}},
		"nullable": {"SELECT arrayJoin([NULL, toNullable(5)]) AS value", []string{"map[]=5"}},
		"nan":      {"SELECT nan AS value", []string{"map[]=NaN"}},
		"kinds of labels": {`WITH '2026-11-27' AS day SELECT 'a;b' AS s, toLowCardinality('lc') AS lc, toFixedString('fx', 2) AS fx, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS id,
			toDateTime64('2026-11-27 10:00:00.5', 3, 'UTC') AS moment, toDate(day) AS date, CAST('x', 'Enum8(\'x\' = 1)') AS e, toIPv4('10.0.0.1') AS ip,
			toNullable('n') AS n, toInt256(7) AS big, toDecimal64(2.5, 1) AS d, CAST(NULL, 'Nullable(String)') AS nothing, 12.5 AS f, true AS yes, 1 AS value`,
			[]string{"map[big:7 d:2.5 date:2026-11-27T00:00:00Z e:x f:12.5 fx:fx id:61f0c404-5cb3-11e7-907b-a6006ad3dba0 ip:10.0.0.1 lc:lc moment:2026-11-27T10:00:00.5Z n:n s:a;b yes:true]=1"}},
		"a map of labels":   {"SELECT map('a.b', 'x', 'c', 'y') AS labels, 'z' AS d, 1 AS value", []string{"map[a.b:x c:y d:z]=1"}},
		"nothing":           {"SELECT 1 AS value WHERE 0", nil},
		"the time":          {"SELECT toUnixTimestamp64Milli({at:DateTime64(3)}) AS value", []string{"map[]=1.79577360025e+12"}},
		"the tenant":        {"SELECT {tenant:String} AS of, 1 AS value", []string{"map[of:a'b]=1"}},
		"what is in quotes": {`SELECT ';(' AS a, "value" FROM (SELECT 2 AS value) /* ) ; */`, []string{"map[a:;(]=2"}},
	} {
		rows, _, err := s.Select(t.Context(), "a'b", tt.sql, at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%v=%v", r.Labels, r.Value))
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := open(t, false)
	for name, tt := range map[string]struct {
		sql   string
		class conn.Class
		words string
	}{
		"no value":        {"SELECT 1 AS v, 'a' AS b", conn.Internal, `no column "value"; its columns are ["v" "b"]`},
		"text as value":   {"SELECT 'x' AS value", conn.Internal, "not a number"},
		"time as value":   {"SELECT now() AS value", conn.Internal, "not a number"},
		"array as label":  {"SELECT [1] AS a, 1 AS value", conn.Internal, `column "a" is a Array(UInt8)`},
		"map as label":    {"SELECT map('a', 1) AS labels, 1 AS value", conn.Internal, `column "labels" is a Map`},
		"too many rows":   {"SELECT number AS value FROM numbers(10001)", conn.Limit, "max_result_rows"},
		"too much read":   {"SELECT max(number) AS value FROM numbers_mt(100000000) WHERE number % 2", conn.Limit, "max_rows_to_read"},
		"syntax":          {"SELECT FROM WHERE", conn.Rejected, "Syntax error"},
		"unknown":         {"SELECT nope AS value", conn.Rejected, "nope"},
		"a file":          {"SELECT 1 AS value FROM file('/etc/passwd', 'LineAsString')", conn.Rejected, ""},
		"a write":         {"WITH 1 AS x INSERT INTO t SELECT x", conn.Rejected, ""},
		"more than asked": {"SELECT 1 AS value SETTINGS max_execution_time = 100000", conn.Rejected, "max_execution_time"},
	} {
		_, _, err := s.Select(t.Context(), "default", tt.sql, time.Now())
		limit := ""
		if e, ok := errors.AsType[*conn.Error](err); ok {
			limit = e.Limit
		}
		if err == nil || conn.ClassOf(err) != tt.class || !strings.Contains(err.Error()+limit, tt.words) {
			t.Errorf("%s: class %s: %v", name, conn.ClassOf(err), err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, _, err := s.Select(ctx, "default", "SELECT count() AS value FROM numbers(60) WHERE NOT ignore(sleepEachRow(1))", time.Now()); conn.ClassOf(err) != conn.Timeout {
		t.Errorf("time: %v", err)
	}
}

// A user who may write is refused, whatever the statement is.
func TestUserWhoMayWrite(t *testing.T) {
	_, _, err := open(t, true).Select(t.Context(), "default", "SELECT 1 AS value", time.Now())
	if conn.ClassOf(err) != conn.Rejected || !strings.Contains(err.Error(), "readonly = 2") || !strings.Contains(err.Error(), "it has 0") {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"select 1":                      "",
		"WITH x AS (SELECT 1) SELECT 1": "",
		"-- why\n/* not */ SELECT 1; ":  "",
		"":                              "0 there is no statement",
		" ; ":                           "1 a rule's statement begins with SELECT or WITH",
		"DROP TABLE t":                  "0 a rule's statement begins with SELECT or WITH",
		"'select'":                      "0 a rule's statement begins with SELECT or WITH",
		"SELECT 1; SELECT 2":            "10 a second statement; a rule has one",
		"SELECT 'a":                     "7 this ' is not closed",
		`SELECT 'a\'`:                   "7 this ' is not closed",
		"SELECT `a":                     "7 this ` is not closed",
		"SELECT /* 1":                   "7 this comment is not closed",
		"SELECT (1":                     "7 this parenthesis is not closed",
		"SELECT 1)":                     "8 this parenthesis was not opened",
		"SELECT ';' -- ; SELECT":        "",
	} {
		got := ""
		if err := rawsql.Check(text); err != nil {
			m, ok := errors.AsType[*rawsql.Mistake](err)
			if !ok {
				t.Fatal(err)
			}
			got = fmt.Sprint(m.Offset, " ", m.Message)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, text := range []string{"SELECT 1 AS value;", "WITH 'a\\'b' AS x SELECT \"y\" -- z\n", "SELECT (/* ) */ 1)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := rawsql.Check(text)
		if m, ok := errors.AsType[*rawsql.Mistake](err); err != nil && (!ok || m.Offset < 0 || m.Offset > len(text) || m.Message == "") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
