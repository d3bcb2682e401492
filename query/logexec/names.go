package logexec

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Labels lists the names of the labels of streams in [from, to): those of any
// stream, or, with a query, of the streams of the records it selects.
func (e *Engine) Labels(ctx context.Context, t tenant.ID, l *logql.Log, from, to time.Time) ([]string, error) {
	var names []string
	_, err := e.bounded(ctx, t, nil, func(ctx context.Context, r *run) error {
		if l != nil {
			streams, err := r.streams(ctx, l, from, to)
			for _, s := range streams {
				for _, label := range s.Labels {
					names = append(names, label.Name)
				}
			}
			return err
		}
		found, err := r.Logs.ResourceKeys(ctx, t, from, to, r.Limits.MaxNames)
		names = append(names, logpipe.ServiceName)
		for _, key := range found.Values {
			names = append(names, logline.Name(key))
		}
		return err
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// Values lists the values of a label of records in [from, to), of those that a
// query selects if there is one.
func (e *Engine) Values(ctx context.Context, t tenant.ID, name string, l *logql.Log, from, to time.Time) ([]string, error) {
	var values []string
	_, err := e.bounded(ctx, t, nil, func(ctx context.Context, r *run) (err error) {
		if l != nil {
			values, err = r.valuesOf(ctx, name, l, from, to)
			return err
		}
		values, err = r.values(ctx, name, from, to)
		return err
	})
	slices.Sort(values)
	values = slices.Compact(values)
	return values[:min(len(values), e.Limits.MaxNames)], err
}

func (r *run) values(ctx context.Context, name string, from, to time.Time) ([]string, error) {
	name = logline.Name(name)
	if name == logpipe.ServiceName {
		found, err := r.Logs.Services(ctx, r.tenant, from, to, r.Limits.MaxNames)
		return found.Values, err
	}
	known, err := r.Logs.Survey(ctx, r.tenant, from, to, logstore.Asked{Keys: true})
	r.stats.add(known.Stats)
	if err != nil {
		return nil, err
	}
	m := logpipe.Meanings(known.Keys)
	of, own := m.Resource[name], m.Record[name]
	var out []string
	for _, asked := range []struct {
		keys []string
		read func(ctx context.Context, t tenant.ID, key string, from, to time.Time, limit int) (logstore.Names, error)
	}{{of, r.Logs.ResourceValues}, {own, r.Logs.RecordValues}} {
		for _, key := range asked.keys {
			found, err := asked.read(ctx, r.tenant, key, from, to, r.Limits.MaxNames)
			if err != nil {
				return nil, err
			}
			out = append(out, found.Values...)
		}
	}
	if len(out) > 0 || len(of) > 0 && len(own) == 0 {
		return out, nil
	}
	return r.valuesOf(ctx, name, &logql.Log{}, from, to)
}

func (r *run) valuesOf(ctx context.Context, name string, l *logql.Log, from, to time.Time) ([]string, error) {
	m := &logql.Aggregation{Op: "sum", Grouping: &logql.Grouping{Labels: []string{name}},
		Inner: &logql.Range{Op: "count_over_time", Log: l, Window: max(to.Sub(from), 1)}}
	v, err := r.eval(ctx, m, steps{to, 0, 1})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range v.series {
		if text := value(s.Labels, name); text != "" {
			out = append(out, text)
		}
	}
	return out, nil
}

// StreamInfo is a stream and how much it has logged.
type StreamInfo struct {
	Labels       []logpipe.Label // sorted
	Lines, Bytes uint64
}

// Streams lists the streams of the records in [from, to) that a query selects.
func (e *Engine) Streams(ctx context.Context, t tenant.ID, l *logql.Log, from, to time.Time) ([]StreamInfo, Stats, error) {
	var out []StreamInfo
	stats, err := e.bounded(ctx, t, nil, func(ctx context.Context, r *run) (err error) {
		out, err = r.streams(ctx, l, from, to)
		return err
	})
	return out, stats, err
}

func (r *run) streams(ctx context.Context, l *logql.Log, from, to time.Time) ([]StreamInfo, error) {
	f, err := r.filter(ctx, from, to, push(l))
	if err != nil {
		return nil, err
	}
	found, stats, err := r.Logs.Streams(ctx, r.tenant, f, r.Limits.MaxNames)
	r.stats.add(stats)
	if err != nil {
		return nil, err
	}
	var reader logpipe.Reader
	out := make([]StreamInfo, len(found))
	for i, s := range found {
		out[i] = StreamInfo{reader.Stream(s.Resource, s.Service), s.Lines, s.Bytes}
	}
	return out, nil
}

// Field is a field found in lines: a label that is not a stream's.
type Field struct {
	Name    string
	Type    string   // string, int, float, boolean, duration, bytes
	Parsers []string // that find it in lines; none for metadata
	Values  []string // as many as were asked for, the most frequent first
	Count   int      // of different values seen
}

// Fields looks at some lines of a query for fields.
func (e *Engine) Fields(ctx context.Context, t tenant.ID, l *logql.Log, w Window) ([]Field, error) {
	lines, err := e.Lines(ctx, t, l, w)
	if err != nil {
		return nil, err
	}
	c := fieldCounter{}
	for i := range lines.Lines {
		line := &lines.Lines[i]
		for _, m := range line.Metadata {
			c.add("", m.Name, m.Value)
		}
		for _, p := range line.Parsed {
			c.add("", p.Name, p.Value)
		}
		c.parse(line.Text)
	}
	out := make([]Field, 0, len(c))
	for name, f := range c {
		out = append(out, f.field(name))
	}
	slices.SortFunc(out, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), e.Limits.MaxNames)], nil
}

// fieldCounter counts the values of fields by name.
type fieldCounter map[string]*seenField

type seenField struct {
	parsers []string
	values  map[string]int
}

// maxFieldValues bounds what is remembered of a field.
const maxFieldValues = 10_000

func (c fieldCounter) add(parser, name, value string) {
	f := c[name]
	if f == nil {
		f = &seenField{values: map[string]int{}}
		c[name] = f
	}
	if parser != "" && !slices.Contains(f.parsers, parser) {
		f.parsers = append(f.parsers, parser)
	}
	if _, known := f.values[value]; known || len(f.values) < maxFieldValues {
		f.values[value]++
	}
}

// parse takes a line as JSON, or else as logfmt if it has at least one value.
func (c fieldCounter) parse(line string) {
	type pair struct{ name, value string }
	var pairs []pair
	collect := func(name, value string) { pairs = append(pairs, pair{logline.Name(name), value}) }
	parser := "json"
	if strings.HasPrefix(strings.TrimSpace(line), "{") && logline.FlattenJSON(line, collect) == nil {
		for _, p := range pairs {
			c.add(parser, p.name, p.value)
		}
		return
	}
	pairs, parser = pairs[:0], "logfmt"
	if logline.Logfmt(line, true, collect) == nil {
		for _, p := range pairs {
			if p.value != "" {
				c.add(parser, p.name, p.value)
			}
		}
	}
}

func (f *seenField) field(name string) Field {
	out := Field{Name: name, Parsers: f.parsers, Count: len(f.values), Type: ""}
	for v := range f.values {
		out.Values = append(out.Values, v)
		if t := typeOf(v); out.Type == "" {
			out.Type = t
		} else if out.Type != t {
			out.Type = wider(out.Type, t)
		}
	}
	slices.SortFunc(out.Values, func(a, b string) int {
		return cmp.Or(cmp.Compare(f.values[b], f.values[a]), strings.Compare(a, b))
	})
	return out
}

func wider(a, b string) string {
	if a == "int" && b == "float" || a == "float" && b == "int" {
		return "float"
	}
	return "string"
}

func typeOf(v string) string {
	if _, err := strconv.ParseInt(v, 10, 64); err == nil {
		return "int"
	}
	if _, err := strconv.ParseFloat(v, 64); err == nil {
		return "float"
	}
	if v == "true" || v == "false" {
		return "boolean"
	}
	if _, err := time.ParseDuration(v); err == nil {
		return "duration"
	}
	if _, err := logline.ParseBytes(v); err == nil && v != "" {
		return "bytes"
	}
	return "string"
}

// Volume is how many bytes the records of a selector have in [from, to) by the
// values of some labels. With a step it is a range of such windows, each as long
// as the step and ending at it.
func (e *Engine) Volume(ctx context.Context, t tenant.ID, l *logql.Log, by []string, from, to time.Time, step time.Duration) (*Samples, error) {
	m := &logql.Aggregation{Op: "sum", Grouping: &logql.Grouping{Labels: by}, Inner: &logql.Range{Op: "bytes_over_time", Log: l, Window: step}}
	if step > 0 {
		return e.Range(ctx, t, m, from.Add(step), to, step)
	}
	m.Inner.(*logql.Range).Window = max(to.Sub(from), 1)
	return e.Instant(ctx, t, m, to)
}

// Texts gives text the lines of a query in [from, to), in no order, at most as many
// as a query may read one by one.
func (e *Engine) Texts(ctx context.Context, t tenant.ID, l *logql.Log, from, to time.Time, most int, text func(at int64, line string)) (Stats, error) {
	return e.bounded(ctx, t, nil, func(ctx context.Context, r *run) error {
		pipeline, err := logpipe.Compile(l.Stages)
		if err != nil {
			return err
		}
		f, err := r.filter(ctx, from, to, push(l))
		if err != nil {
			return err
		}
		var reader logpipe.Reader
		stats, err := r.Logs.Stream(ctx, t, f, func(row *logstore.Row) error {
			if r.stats.Entries++; r.stats.Entries > int64(min(most, r.Limits.MaxEntries)) {
				return errEnough
			}
			e := reader.Entry(row, nil)
			if line, _, ok := pipeline.Run(&e); ok {
				text(row.Time, line)
			}
			return nil
		})
		r.stats.add(stats)
		if err == errEnough {
			err = nil
		}
		return err
	})
}
