package metricstore

import (
	"regexp"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// What no spelling of a name depends on: translators replace these, join runs
// of them, and put "key_" before a digit.
var noLetter = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// letters is what all spellings of a key have in common.
func letters(key string) string {
	if rest, ok := strings.CutPrefix(key, "key_"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		key = rest
	}
	return noLetter.ReplaceAllString(key, "")
}

// isSpelling is whether a key may be another spelling of a label's name.
func isSpelling(key chsql.Expr, name string) chsql.Expr {
	return chsql.Eq(chsql.Func("replaceRegexpAll", key, chsql.String(noLetter.String()), chsql.String("")), chsql.String(letters(name)))
}

// labelCondition is a matcher as a condition on the table series that holds
// for every series it may match; not ok for matchers that tell nothing.
func labelCondition(t tenant.ID, from, to time.Time, m attrcol.Matcher) (cond chsql.Expr, ok bool, err error) {
	text, ok, err := m.OnText()
	if err != nil || !ok {
		return chsql.Expr{}, false, err
	}
	pair := chsql.Lambda2("k", "v", chsql.And(text(chsql.Col("v")), isSpelling(chsql.Col("k"), m.Key)))
	keys, values := chsql.Func("mapKeys", chsql.Col("labels")), chsql.Func("mapValues", chsql.Col("labels"))
	own := chsql.Func("arrayExists", pair, keys, values)
	of := []chsql.Expr{
		chsql.Func("arrayExists", pair, chsql.Func("JSONAllPaths", chsql.Col("attributes")), chsql.Func("JSONAllValues", chsql.Col("attributes"))),
		chsql.Func("arrayExists", chsql.Lambda("k", isSpelling(chsql.Col("k"), m.Key)), chsql.Func("mapKeys", chsql.Col("attributes_other"))),
	}
	service, namespace := chsql.Col("service_name"), chsql.Col("service_namespace")
	switch letters(m.Key) {
	case "job":
		of = append(of, text(chsql.Func("if", chsql.Eq(namespace, chsql.String("")), service, chsql.Func("concat", namespace, chsql.String("/"), service))))
	case "instance":
		of = append(of, text(chsql.Col("service_instance_id")))
	case "servicename": // unknown_service is no attribute
		of = append(of, text(service))
	}
	return chsql.Or(own, chsql.InSelect(chsql.Col("resource_id"), resourcestore.IDs(t, from, to, chsql.Or(of...)))), true, nil
}
