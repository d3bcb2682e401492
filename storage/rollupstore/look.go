package rollupstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/packcache"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// seen is what the store has of a series' day.
type seen struct {
	held   uint64 // samples
	stored uint64 // of which the rollup was made
	body   []byte
}

// look asks the store for the days that memory does not know.
func (s *share) look(ctx context.Context) error {
	from, to := s.days, -1
	var fps []uint64
	for i, fp := range s.r.Fingerprints {
		unknown := false
		for d, of := range s.known {
			if of[i] == nil {
				from, to, unknown = min(from, d), max(to, d), true
			}
		}
		if unknown {
			fps = append(fps, fp)
		}
	}
	if len(fps) == 0 {
		return nil
	}
	var (
		fingerprint, n proto.ColUInt64
		day            proto.ColUInt16
		text           proto.ColStr
		all            = make([]seen, len(s.r.Fingerprints)*s.days)
	)
	stats, err := s.store.db.Columns(ctx, conn.Query{
		SQL: rollupSelect(s.tenant, s.first+uint32(from), s.first+uint32(to), s.want).SQL(), Op: "rollups",
		Params: map[string]string{"fingerprints": resourcestore.IDList(fps)},
	}, proto.Results{{Name: "fingerprint", Data: &fingerprint}, {Name: "at", Data: &day}, {Name: "n", Data: &n}, {Name: "body", Data: &text}}, func() error {
		for k, fp := range fingerprint {
			i, ok := slices.BinarySearch(s.r.Fingerprints, fp)
			d := int(day[k]) - int(s.first)
			if !ok || d < 0 || d >= s.days {
				return fmt.Errorf("rollups: day %d of series %d was not asked for", day[k], fp)
			}
			at := &all[i*s.days+d]
			switch b := text.RowBytes(k); {
			case len(b) == 0:
				at.held += n[k]
			case n[k] > at.stored:
				at.stored, at.body = n[k], bytes.Clone(b)
			}
		}
		return nil
	})
	s.stats.Add(stats)
	if err != nil {
		return err
	}
	s.learn(all, from, to)
	return nil
}

// learn makes days of what was seen from day from to day to.
func (s *share) learn(all []seen, from, to int) {
	for d := from; d <= to; d++ {
		found := make([]*packcache.Day, len(s.r.Fingerprints))
		for i, known := range s.known[d] {
			at := &all[i*s.days+d]
			switch {
			case known != nil:
				continue
			case at.held == 0: // what there was has expired
				found[i] = s.dayOf(d, nil)
			case at.held == at.stored:
				found[i] = s.dayOf(d, at.body)
			default:
				found[i] = (*packcache.Day)(nil).With(s.r.As.Rollups(s.first+uint32(d)), &packcache.More{Looked: 1, Loose: 1})
			}
			s.known[d][i] = found[i]
		}
		s.keep(d, s.r.Fingerprints, found)
	}
}

// rollupSelect lists how many samples there are of each series and day, and the bodies of an aspect with how many samples
// they are of. A body is never empty.
func rollupSelect(t tenant.ID, first, last uint32, want Want) chsql.Select {
	fp, of := chsql.Col("fingerprint"), chsql.InParam(chsql.Col("fingerprint"), chsql.Param("fingerprints", "Array(UInt64)"))
	own := chsql.Eq(chsql.Col("tenant"), chsql.String(string(t)))
	at := chsql.Func("toUInt16", chsql.Func("toDate", chsql.Col("hour")))
	held := chsql.Select{
		Columns: []chsql.Expr{fp, at.As("at"), chsql.Func("sum", chsql.Col("ts.size0")).As("n"), chsql.String("").As("body")},
		From:    chsql.Table(samplestore.Table),
		Where: []chsql.Expr{own, of, chsql.Ge(chsql.Col("hour"), chsql.Seconds(int64(first)*86_400)),
			chsql.Lt(chsql.Col("hour"), chsql.Seconds(int64(last+1)*86_400))},
		GroupBy: []chsql.Expr{fp, chsql.Col("at")},
	}
	rolled := chsql.Select{
		Columns: []chsql.Expr{fp, chsql.Func("toUInt16", chsql.Col("day")).As("at"), chsql.Col("stored").As("n"), columnOf(want.Aspect).As("body")},
		From:    chsql.Table(Table),
		Where: []chsql.Expr{own, chsql.Eq(chsql.Col("bucket"), chsql.Int(want.Length/1000)), of,
			chsql.Ge(chsql.Col("day"), chsql.Date(dateOf(first))), chsql.Le(chsql.Col("day"), chsql.Date(dateOf(last)))},
	}
	return chsql.Select{Columns: []chsql.Expr{fp, chsql.Col("at"), chsql.Col("n"), chsql.Col("body")}, From: chsql.Union(held, rolled)}
}

func dateOf(day uint32) time.Time { return time.Unix(int64(day)*86_400, 0).UTC() }

// columnOf is the column an aspect is in.
func columnOf(a samplerollup.Aspect) chsql.Expr {
	return [samplerollup.Aspects]chsql.Expr{
		samplerollup.Last: chsql.Col("last"), samplerollup.First: chsql.Col("first"), samplerollup.Most: chsql.Col("most"),
		samplerollup.Least: chsql.Col("least"), samplerollup.Sum: chsql.Col("sums"), samplerollup.Gain: chsql.Col("gain"),
	}[a]
}
