package fulltext

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

var body = Column{Text: chsql.Col("body")}

func TestConditionGoldens(t *testing.T) {
	var b strings.Builder
	show := func(what string, e chsql.Expr) { fmt.Fprintf(&b, "%s\n\t%s\n", what, e) }
	for _, text := range []string{"timeout", "r 5", " timeout ", `"27af708a"`, "27af708a refreshed", "on 27af708a for", "[27af708a] refreshed", "große Zahl", "a%b_c\\defg"} {
		show("|= "+text, body.Contains(text))
		show("in any case "+text, body.ContainsFold(text))
	}
	for _, pattern := range []string{
		`timeout`, `\btimeout\b`, `(?i)timeout`, `(?i)session 404 refused`, `^timeout$`, `connection re(set|fused)`, `timed? out`, `user=[a-z]+ status=5..`,
		`[ =]27af708a[ ,]`, `\s27af708a\s+refused`, `(^|\s)27af708a`, `(^|\W)27af708a(\W|$)`, `(?m)^err$`, `(error|warn)`, `(error|4.4)`, `(ab|cd)(ef|gh)(ij|kl)(mn|op)(qrst|uv)`, `(a+)+`,
		`((abcd )+x)+`, `a\x{FFFD}bcde`, `größe`, `^größe `, `[Tt]imeout`, `(?:error){2,3}`, `.*`, ``, `[^ ]error`, `x*error`,
	} {
		e, err := body.Matches(pattern)
		if err != nil {
			t.Fatal(err)
		}
		show("|~ "+pattern, e)
	}
	ascii := Column{Text: body.Text, ASCII: true}
	for _, pattern := range []string{`\btimeout\b`, `\b(error|warn) 27\b`, `(?i)\btask\b`} {
		e, err := ascii.Matches(pattern)
		if err != nil {
			t.Fatal(err)
		}
		show("of ASCII |~ "+pattern, e)
		if !KnowsMore(pattern) {
			t.Errorf("%s is asked as it is of any text", pattern)
		}
	}
	if KnowsMore(`timeout`) || KnowsMore(`(`) {
		t.Error("more is known of what is asked alike")
	}
	plain := Column{Text: body.Text, Unasked: true}
	show("negated", plain.ContainsFold("x timeout"))
	storagetest.Golden(t, "conditions.txt", b.String())
	if _, err := body.Matches("a("); err == nil {
		t.Error("no error for a( ")
	}
}

// What the index leaves out is what the condition would not have found: any text, any
// expression, one row a granule.
func TestIndexLeavesOutNothingWanted(t *testing.T) {
	for _, body := range []Column{body, {Text: body.Text, ASCII: true}} {
		t.Run(fmt.Sprint("ASCII ", body.ASCII), func(t *testing.T) { leavesOutNothing(t, body) })
	}
}

func leavesOutNothing(t *testing.T, body Column) {
	db := storagetest.Empty(t)
	if err := db.Exec(t.Context(), "CREATE TABLE texts (id UInt64, body String, INDEX body body TYPE text(tokenizer = splitByNonAlpha)) ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 1, index_granularity_bytes = 0, min_bytes_for_wide_part = 0"); err != nil {
		t.Fatal(err)
	}
	r := random{rand.New(rand.NewPCG(7, 11))}
	bodies := make([]string, 400)
	rows := make([]string, len(bodies))
	for i := range bodies {
		if bodies[i] = r.text(8); body.ASCII {
			bodies[i] = strings.Map(func(r rune) rune { return min(r, 'z') }, bodies[i])
		}
		rows[i] = fmt.Sprintf("(%d, %s)", i, chsql.String(bodies[i]))
	}
	if err := db.Exec(t.Context(), "INSERT INTO texts VALUES "+strings.Join(rows, ", ")); err != nil {
		t.Fatal(err)
	}
	found := func(e chsql.Expr, with int64) (ids []uint64) {
		sel := chsql.Select{Columns: []chsql.Expr{chsql.Col("id")}, From: chsql.Table("texts"), Where: []chsql.Expr{e},
			OrderBy: []chsql.Order{chsql.Asc(chsql.Col("id"))}, Settings: []chsql.Setting{{Name: "use_skip_indexes", Value: with}}}
		_, err := db.Select(t.Context(), conn.Query{SQL: sel.SQL()}, func(rows driver.Rows) error {
			var id uint64
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		return ids
	}
	hinted, some := 0, 0
	check := func(what string, indexed, plain chsql.Expr) []uint64 {
		want := found(plain, 0)
		if got := found(indexed, 1); !slices.Equal(got, want) {
			for _, id := range want {
				if !slices.Contains(got, id) {
					t.Fatalf("%s: %q is left out by\n%s", what, bodies[id], indexed)
				}
			}
			t.Fatalf("%s: rows %v, want %v, by\n%s", what, got, want, indexed)
		}
		if indexed.String() != plain.String() {
			hinted++
		}
		if len(want) > 0 && len(want) < len(bodies) {
			some++
		}
		return want
	}
	for range 150 {
		whole := bodies[r.IntN(len(bodies))]
		from := r.IntN(len(whole))
		text := whole[from : from+1+r.IntN(len(whole)-from)]
		check(fmt.Sprintf("%q", text), body.Contains(text), chsql.Contains(body.Text, text))
		check(fmt.Sprintf("%q in any case", text), body.ContainsFold(text), chsql.ContainsFold(body.Text, text))
	}
	for range 300 {
		pattern := r.pattern(4)
		indexed, err := body.Matches(pattern)
		if err != nil {
			t.Fatal(err)
		}
		ids := check(pattern, indexed, chsql.Func("match", body.Text, chsql.String("(?s:"+pattern+")")))
		re := regexp.MustCompile("(?s:" + pattern + ")")
		for i, text := range bodies {
			if re.MatchString(text) != slices.Contains(ids, uint64(i)) {
				t.Fatalf("%q matches %q: %v", pattern, text, re.MatchString(text))
			}
		}
	}
	if hinted < 200 || some < 200 {
		t.Errorf("of 600 conditions %d asked the index, %d found some: the test is too weak", hinted, some)
	}
}

// random makes texts of few pieces, so that they resemble each other.
type random struct{ *rand.Rand }

func (r random) of(list ...string) string { return list[r.IntN(len(list))] }

func (r random) word() string {
	return r.of("task", "Task", "ta\u017fk", "tas\u212a", "27af708a", "é27af708a", "27af708aé", "error", "errors", "ERROR", "größe", "404", "a", "_x", "user_id", "wait")
}

func (r random) text(n int) string {
	var b strings.Builder
	for range 1 + r.IntN(n) {
		b.WriteString(r.word() + r.of(" ", " ", "", "_", "\"", "=", "%", "\\", "\n", "é", ", "))
	}
	return b.String()
}

func (r random) pattern(n int) string {
	var b strings.Builder
	for range 1 + r.IntN(n) {
		word := regexp.QuoteMeta(r.word())
		switch r.IntN(12) {
		case 0:
			word = "(?i:" + word + ")"
		case 1:
			word = "(" + word + "|" + r.pattern(2) + ")"
		case 2:
			word = "(" + r.pattern(2) + ")" + r.of("+", "?", "*", "{2,3}")
		case 3:
			word = "[Tt]ask" + r.of("", "[ =]", "[^ ]")
		case 4:
			word = word[:1+r.IntN(len(word))] + "."
			if _, err := regexp.Compile(word); err != nil {
				word = "."
			}
		}
		b.WriteString(r.of("", "", "", `\b`, "^", " ", "[ =]") + word + r.of("", "", `\b`, "$", `\s+`, " ", ".*", `\W`, "(?:,| |$)"))
	}
	return b.String()
}
