package metricstore

import (
	"context"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// labelsAtOnce is how many fingerprints a statement of LabelSets names.
const labelsAtOnce = 100_000

// LabelSets reads the labels of series that Index has listed for the days of
// [from, to]: of each, in no order, its Fingerprint, Labels, Resource, and whether
// Prometheus sent it. What these are never changes. Names are those of the series,
// as sent: the table is in their order.
func (s *Store) LabelSets(ctx context.Context, t tenant.ID, from, to time.Time, names []string, fingerprints []uint64) ([]SeriesRow, error) {
	rows := make([]SeriesRow, 0, len(fingerprints))
	resources := map[uint64]*resourcestore.Row{} // not resolved yet
	for len(fingerprints) > 0 {
		n := min(len(fingerprints), labelsAtOnce)
		var (
			fingerprint proto.ColUInt64
			resource    proto.ColUInt64
			prometheus  proto.ColBool
			keys        = new(proto.ColStr).LowCardinality()
			labels      = proto.NewMap[string, string](keys, new(proto.ColStr))
		)
		_, err := s.db.Columns(ctx, conn.Query{
			SQL: labelSetsSelect(t, from, to, names).SQL(), Op: "series", Params: map[string]string{"fingerprints": resourcestore.IDList(fingerprints[:n])},
		}, proto.Results{
			{Name: "fingerprint", Data: &fingerprint}, {Name: "labels", Data: labels}, {Name: "resource_id", Data: &resource}, {Name: "prometheus", Data: &prometheus},
		}, func() error {
			for i, fp := range fingerprint {
				of := resources[resource[i]]
				if of == nil {
					of = &resourcestore.Row{ID: resource[i]}
					resources[resource[i]] = of
				}
				rows = append(rows, SeriesRow{Fingerprint: fp, Labels: labels.Row(i), Resource: of, Prometheus: prometheus[i]})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		fingerprints = fingerprints[n:]
	}
	return rows, s.resolve(ctx, t, from, to, rows)
}

// namesInKey is how many names of metrics narrow a read of label sets down; with more
// of them all is read.
const namesInKey = 100

func labelSetsSelect(t tenant.ID, from, to time.Time, names []string) chsql.Select {
	fp := chsql.Col("fingerprint")
	where := append(days(t, from, to), chsql.InParam(fp, chsql.Param("fingerprints", "Array(UInt64)")))
	if len(names) <= namesInKey {
		where = append(where, chsql.InStrings(chsql.Col("metric_name"), names))
	}
	return chsql.Select{
		Columns: []chsql.Expr{fp, chsql.Col("labels"), chsql.Col("resource_id"), chsql.Col("prometheus")},
		From:    chsql.Table(series),
		Where:   where,
		LimitBy: []chsql.Expr{fp},
	}
}
