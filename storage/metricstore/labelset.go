package metricstore

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// labelsAtOnce is how many fingerprints a statement of LabelSets names.
const labelsAtOnce = 100_000

// Label is a point attribute as text, under the name sent.
type Label struct{ Key, Value string }

// LabelSet is the labels of a stored series: a SeriesRow of which only these fields
// are wanted, of very many series. Nothing of it is to be changed.
type LabelSet struct {
	Fingerprint uint64
	Labels      []Label            // in no order
	Resource    *resourcestore.Row // never nil
	Prometheus  bool
}

// LabelSets reads the labels of series that Index has listed for the days of
// [from, to], in no order; without fingerprints of all that have one of the names.
// What they are never changes. Names are those of the series, as sent: the table is
// in their order.
func (s *Store) LabelSets(ctx context.Context, t tenant.ID, from, to time.Time, names []string, fingerprints []uint64) ([]LabelSet, error) {
	sets := make([]LabelSet, 0, len(fingerprints))
	if len(fingerprints) == 0 {
		return s.labelSets(ctx, t, from, to, conn.Query{SQL: labelSetsSelect(t, from, to, names, false).SQL(), Op: "series"}, sets)
	}
	sql := labelSetsSelect(t, from, to, names, true).SQL()
	for fps := range slices.Chunk(fingerprints, labelsAtOnce) {
		var err error
		sets, err = s.labelSets(ctx, t, from, to, conn.Query{SQL: sql, Op: "series", Params: map[string]string{"fingerprints": resourcestore.IDList(fps)}}, sets)
		if err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// LabelSetsOf is what LabelSets reads of series.
func LabelSetsOf(rows []SeriesRow) []LabelSet {
	out := make([]LabelSet, len(rows))
	for i, r := range rows {
		out[i] = LabelSet{r.Fingerprint, make([]Label, 0, len(r.Labels)), r.Resource, r.Prometheus}
		for key, value := range r.Labels {
			out[i].Labels = append(out[i].Labels, Label{key, value})
		}
	}
	return out
}

// labelSets appends what a statement reads.
func (s *Store) labelSets(ctx context.Context, t tenant.ID, from, to time.Time, q conn.Query, sets []LabelSet) ([]LabelSet, error) {
	var (
		fingerprint proto.ColUInt64
		resource    proto.ColUInt64
		prometheus  proto.ColBool
		keys        = new(proto.ColStr).LowCardinality()
		values      = new(proto.ColStr)
		labels      = proto.NewMap[string, string](keys, values)
		resources   = map[uint64]*resourcestore.Row{}
		ids         []uint64 // of these, but for that of what Prometheus sent, which is 0
		begin       = len(sets)
	)
	_, err := s.db.Columns(ctx, q, proto.Results{
		{Name: "fingerprint", Data: &fingerprint}, {Name: "labels", Data: labels}, {Name: "resource_id", Data: &resource}, {Name: "prometheus", Data: &prometheus},
	}, func() error {
		text, all := string(values.Buf), make([]Label, len(values.Pos)) // two pieces of memory for all labels of a block
		for i, at := range values.Pos {
			all[i] = Label{keys.Row(i), text[at.Start:at.End]}
		}
		sets = slices.Grow(sets, len(fingerprint))
		k := uint64(0)
		for i, fp := range fingerprint {
			of := resources[resource[i]]
			if of == nil {
				of = &resourcestore.Row{ID: resource[i]}
				if resources[of.ID] = of; of.ID != 0 {
					ids = append(ids, of.ID)
				}
			}
			end := labels.Offsets[i]
			sets = append(sets, LabelSet{Fingerprint: fp, Labels: all[k:end:end], Resource: of, Prometheus: prometheus[i]})
			k = end
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return sets, err
	}
	known, err := s.resources.Resources(ctx, t, ids, from, to)
	if err != nil {
		return nil, err
	}
	for i := range sets[begin:] {
		if of := known[sets[begin+i].Resource.ID]; of != nil { // one that is not stored stays empty but for its id
			sets[begin+i].Resource = of
		}
	}
	return sets, nil
}

// NamesInKey is how many names of metrics narrow a read of label sets down; with more
// of them all is read, and series are to be listed.
const NamesInKey = 100

func labelSetsSelect(t tenant.ID, from, to time.Time, names []string, listed bool) chsql.Select {
	fp, where := chsql.Col("fingerprint"), days(t, from, to)
	if listed {
		where = append(where, chsql.InParam(fp, chsql.Param("fingerprints", "Array(UInt64)")))
	}
	if !listed || len(names) <= NamesInKey {
		where = append(where, chsql.InStrings(chsql.Col("metric_name"), names))
	}
	return chsql.Select{
		Columns: []chsql.Expr{fp, chsql.Col("labels"), chsql.Col("resource_id"), chsql.Col("prometheus")},
		From:    chsql.Table(series),
		Where:   where,
		LimitBy: []chsql.Expr{fp},
	}
}
