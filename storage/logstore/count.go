package logstore

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Tiles cuts time into stretches: the k-th is (Origin+k*Width, Origin+(k+1)*Width],
// or, if Window is set, the first Window of it. Times are Unix nanoseconds.
type Tiles struct{ Origin, Width, Window int64 }

// first is whether all of [from, to) is in the whole of the first tile.
func (t Tiles) first(from, to int64) bool {
	return t.Origin < from && from < to && uint64(to)-uint64(t.Origin) <= uint64(t.Width)+1 && (t.Window == 0 || t.Window >= t.Width)
}

// Counting says by what records are counted.
type Counting struct {
	By    []string // names, as in Meanings
	Tiles Tiles
	Bytes bool // measure bodies as well
	// Measured is a name whose numbers are added up as well, of the records that have
	// it; "" for none. See Measurable.
	Measured string
	Quantile float64 // of these numbers, from 0 to 1
	// Parser, if set, makes By and Measured names behind it. Records of which the server
	// is not Sure are not counted but noted, as Unsure.
	Parser  *Parser
	Texts   []string // names behind the parser that the filter compares as texts
	Numbers []string // and as numbers
}

// Sure finds the records that Count answers for.
func (c Counting) Sure() Sure {
	return Sure{Parser: c.Parser, Texts: slices.Concat(c.By, c.Texts), Numbers: c.Numbers, Measured: c.Measured}
}

// Counted is how many records of a tile have these values of the names counted by.
type Counted struct {
	Values []string // "" for what is not there; valid until the call returns
	Tile   int64
	Lines  uint64
	Bytes  uint64
	Unsure bool // these are Lines of which nothing else is known, of any values
	Measure
}

// Measure is what the numbers of some records come to.
type Measure struct {
	Not                     uint64 // how many of Lines have a text that is no number; the rest is then meaningless
	Sum, Min, Max, Quantile float64
}

// Count counts the records that pass the filter. The server adds up; what it
// answers is a row for each tile, combination of values, and resource if a name
// may be one's, hence a combination may come several times. The body of a record
// that is no text is measured as it is stored.
func (s *Store) Count(ctx context.Context, t tenant.ID, f Filter, c Counting, counted func(Counted) error) (conn.Stats, error) {
	open, stats, err := s.ends(ctx, f)
	if err != nil {
		return stats, err
	}
	plan, rows, more, err := s.groups(ctx, t, f, c, open)
	stats.Add(more)
	if err != nil {
		return stats, err
	}
	if open != (ends{}) {
		// What has come meanwhile may lie beyond an end, and be counted.
		still, more, err := s.ends(ctx, f)
		stats.Add(more)
		if err == nil && !open.within(still) {
			plan, rows, more, err = s.groups(ctx, t, f, c, ends{})
			stats.Add(more)
		}
		if err != nil {
			return stats, err
		}
	}
	return stats, s.tell(ctx, t, f, c, plan, rows, counted)
}

// group is a row of the answer.
type group struct {
	resource uint64
	scope    uint64
	own      []string
	Counted
}

func (s *Store) groups(ctx context.Context, t tenant.ID, f Filter, c Counting, open ends) (*countPlan, []group, conn.Stats, error) {
	b := f.bind(t)
	b.open = open
	plan := newCountPlan(b, c)
	sel, err := plan.sel(b, f, c)
	if err != nil {
		return nil, nil, conn.Stats{}, err
	}
	var rows []group
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "log counts"}, func(from driver.Rows) error {
		r := group{own: make([]string, len(plan.own))}
		dest := []any{&r.Tile, &r.Lines, &r.Bytes, &r.resource, &r.scope, &r.Unsure, &r.Not, &r.Sum, &r.Min, &r.Max, &r.Quantile}
		for i := range r.own {
			dest = append(dest, &r.own[i])
		}
		if err := from.Scan(dest...); err != nil {
			return err
		}
		rows = append(rows, r)
		return nil
	})
	return plan, rows, stats, err
}

// tell gives counted the rows with the values of the names counted by.
func (s *Store) tell(ctx context.Context, t tenant.ID, f Filter, c Counting, plan *countPlan, rows []group, counted func(Counted) error) (err error) {
	resources, scopes := map[uint64]*resourcestore.Row{}, map[uint64]*resourcestore.ScopeRow{}
	var ids, scopeIDs []uint64
	for i := range rows {
		ids, scopeIDs = append(ids, rows[i].resource), append(scopeIDs, rows[i].scope)
	}
	if plan.resource {
		if resources, err = s.resources.Resources(ctx, t, ids, f.From, f.To); err != nil {
			return err
		}
	}
	if plan.scope {
		if scopes, err = s.resources.Scopes(ctx, t, scopeIDs, f.From, f.To); err != nil {
			return err
		}
	}
	values := make([]string, len(c.By))
	for i := range rows {
		r := &rows[i]
		for k, name := range c.By {
			values[k] = plan.value(name, k, resources[r.resource], scopes[r.scope], r.own)
		}
		r.Values = values
		if err := counted(r.Counted); err != nil {
			return err
		}
	}
	return nil
}

// countPlan says where the value of each name comes from.
type countPlan struct {
	names           Meanings
	own             []ownText // texts to group by
	ownOf           []int     // for each name the place in own, or -1
	resource, scope bool
}

// ownText is a text of the record, and what to group by to have it: a column as
// it is stored, where there is one, which is smaller than its text.
type ownText struct{ key, text chsql.Expr }

func newCountPlan(b *binding, c Counting) *countPlan {
	p := &countPlan{names: b.names, ownOf: make([]int, len(c.By))}
	for i, name := range c.By {
		p.ownOf[i] = -1
		if c.Parser != nil {
			text := b.value(c.Parser, name).text
			p.ownOf[i], p.own = len(p.own), append(p.own, ownText{text, text})
			continue
		}
		key, text, ok := columnText(name)
		switch {
		case name == "service_name":
			key, ok = chsql.Col("service_name"), true
			text = key
		case name == "detected_level" && b.unsent() && b.numbered:
			key, text, ok = chsql.Col("severity_number"), b.level(), true
		case name == "detected_level":
			key, ok = b.level(), true
			text = key
		case name == "scope_name" || name == "scope_version":
			p.scope = true
		case !ok:
			p.resource = p.resource || len(b.names.Resource[name]) > 0
			p.scope = p.scope || len(b.names.Scope[name]) > 0
			if keys := b.names.Record[name]; len(keys) > 0 {
				text, ok = b.names.text(keys[len(keys)-1]), true
				for k := len(keys) - 2; k >= 0; k-- {
					text = chsql.Func("if", attrcol.Present(keys[k]), b.names.text(keys[k]), text)
				}
				key = text
			}
		}
		if ok {
			p.ownOf[i] = len(p.own)
			p.own = append(p.own, ownText{key, text})
		}
	}
	return p
}

func (p *countPlan) sel(b *binding, f Filter, c Counting) (chsql.Select, error) {
	where, err := f.inRange(b)
	if err != nil {
		return chsql.Select{}, err
	}
	// Behind the origin, so that the first nanosecond of a tile is 0.
	since := chsql.Minus(chsql.Func("toUnixTimestamp64Nano", chsql.Col("time")), chsql.Int(c.Tiles.Origin+1))
	tile := chsql.Func("intDiv", since, chsql.Int(c.Tiles.Width)).As("tile")
	if c.Tiles.first(chsql.UnixNano(f.From), chsql.UnixNano(f.To)) {
		tile = chsql.Func("toInt64", chsql.Int(0)).As("tile") // no time is read for it
	}
	if c.Tiles.Window > 0 && c.Tiles.Window < c.Tiles.Width {
		where = append(where, chsql.Lt(chsql.Func("modulo", since, chsql.Int(c.Tiles.Width)), chsql.Int(c.Tiles.Window)))
	}
	size := chsql.Uint(0)
	if c.Bytes {
		size = chsql.Func("sum", chsql.Func("length", chsql.Col("body")))
	}
	id := func(want bool, column chsql.Expr) chsql.Expr {
		if want {
			return column
		}
		return chsql.Uint(0)
	}
	columns := []chsql.Expr{
		tile, chsql.Func("count").As("lines"), chsql.Func("toUInt64", size).As("bytes"),
		chsql.Func("toUInt64", id(p.resource, chsql.Col("resource_id"))).As("resource"), chsql.Func("toUInt64", id(p.scope, chsql.Col("scope_id"))).As("scope"),
	}
	by := []chsql.Expr{chsql.Col("tile"), chsql.Col("resource"), chsql.Col("scope")}
	measure, there := f.measure(b, c)
	if c.Parser == nil {
		columns = append(columns, chsql.Bool(false).As("unsure"))
		if columns = append(columns, measure...); c.Measured != "" {
			where = append(where, there)
		}
		for _, own := range p.own {
			columns, by = append(columns, chsql.Func("toString", own.text)), append(by, own.key)
		}
		return b.finish(chsql.Select{Columns: columns, From: chsql.Table(table), Where: where, GroupBy: by}), nil
	}
	sure, err := c.Sure().expr(b)
	if err != nil {
		return chsql.Select{}, err
	}
	unsure := b.share(chsql.Not(sure))
	if columns = append(columns, unsure.As("unsure")); c.Measured != "" {
		where = append(where, chsql.Or(unsure, there))
	}
	columns, by = append(columns, measure...), append(by, chsql.Col("unsure"))
	for _, own := range p.own {
		key := b.share(chsql.Func("if", chsql.Col("unsure"), chsql.String(""), own.key))
		columns, by = append(columns, key), append(by, key)
	}
	return b.finish(chsql.Select{Columns: columns, From: chsql.Table(table), Where: where, GroupBy: by}), nil
}

// value is that of a name for a group.
func (p *countPlan) value(name string, i int, resource *resourcestore.Row, scope *resourcestore.ScopeRow, own []string) string {
	if resource != nil {
		if v, ok := textOf(resource.Attributes, p.names.Resource[name]); ok && v != "" {
			return v
		}
	}
	if k := p.ownOf[i]; k >= 0 && own[k] != "" {
		return own[k]
	}
	if scope != nil {
		switch name {
		case "scope_name":
			return scope.Name
		case "scope_version":
			return scope.Version
		}
		v, _ := textOf(scope.Attributes, p.names.Scope[name])
		return v
	}
	return ""
}

// textOf is the text of the first of keys among attributes.
func textOf(kvs []attribute.KeyValue, keys []string) (string, bool) {
	for _, key := range keys {
		for i := range kvs {
			if kvs[i].Key == key {
				return kvs[i].Value.Text(), true
			}
		}
	}
	return "", false
}
