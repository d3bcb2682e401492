package rollupstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Rolled is what a run of Roll did.
type Rolled struct {
	Days    int   // of series
	Samples int64 // in them
	Bytes   int64 // of the rollups
}

// Roll makes rollups of the days that are over before until, from the one of from on, of the series that have none, or had
// fewer samples when theirs was made. What it has written stays when it is interrupted. Running it twice at once is a
// waste, no harm.
func (s *Store) Roll(ctx context.Context, from, until time.Time) (Rolled, error) {
	var sum Rolled
	const day = 24 * time.Hour
	for at := from.UTC().Truncate(day); !at.Add(day).After(until); at = at.Add(day) {
		if at.Unix() <= 0 {
			continue // has the samples of before 1970 as well
		}
		lacking, err := s.unrolled(ctx, at)
		if err != nil {
			return sum, err
		}
		for len(lacking) > 0 {
			const atOnce = 500
			n := 1
			for n < min(atOnce, len(lacking)) && lacking[n].tenant == lacking[0].tenant {
				n++
			}
			if err := s.roll(ctx, at, lacking[:n], &sum); err != nil {
				return sum, fmt.Errorf("rollups: tenant %q: %s: %w", lacking[0].tenant, at.Format(time.DateOnly), err)
			}
			lacking = lacking[n:]
		}
	}
	return sum, nil
}

// unrolled is a day of a series that wants a rollup.
type unrolled struct {
	tenant      tenant.ID
	fingerprint uint64
	held        uint64 // samples
	retention   uint16 // days, the longest of its samples
}

// unrolled lists the series of a day that want a rollup, by tenant and fingerprint.
func (s *Store) unrolled(ctx context.Context, day time.Time) (list []unrolled, err error) {
	_, err = s.db.Select(ctx, conn.Query{SQL: unrolledSelect(day).SQL(), Op: "roll"}, func(rows driver.Rows) error {
		var u unrolled
		err := rows.Scan((*string)(&u.tenant), &u.fingerprint, &u.held, &u.retention)
		list = append(list, u)
		return err
	})
	return list, err
}

func unrolledSelect(day time.Time) chsql.Select {
	t, fp := chsql.Col("tenant"), chsql.Col("fingerprint")
	none := chsql.Func("toUInt64", chsql.Uint(0))
	held := chsql.Select{
		Columns: []chsql.Expr{t, fp, chsql.Col("ts.size0").As("held"), none.As("rolled"), chsql.Col("retention_days").As("days")},
		From:    chsql.Table(samplestore.Table),
		Where:   []chsql.Expr{chsql.Ge(chsql.Col("hour"), chsql.Seconds(day.Unix())), chsql.Lt(chsql.Col("hour"), chsql.Seconds(day.Unix()+86_400))},
	}
	rolled := chsql.Select{
		Columns: []chsql.Expr{t, fp, none.As("held"), chsql.Col("stored").As("rolled"), chsql.Func("toUInt16", chsql.Uint(0)).As("days")},
		From:    chsql.Table(Table), Where: []chsql.Expr{chsql.Eq(chsql.Col("day"), chsql.Date(day))},
	}
	in := chsql.Func("sum", chsql.Col("held"))
	return chsql.Select{
		Columns: []chsql.Expr{t, fp, in, chsql.Func("max", chsql.Col("days"))},
		From:    chsql.Union(held, rolled), GroupBy: []chsql.Expr{t, fp},
		Having:  []chsql.Expr{chsql.Gt(in, chsql.Func("max", chsql.Col("rolled"))), chsql.Ge(in, chsql.Uint(samplerollup.Fewest))},
		OrderBy: []chsql.Order{chsql.Asc(t), chsql.Asc(fp)},
	}
}

// roll makes the rollups of a day of some series of one tenant.
func (s *Store) roll(ctx context.Context, day time.Time, list []unrolled, sum *Rolled) error {
	r := samplestore.Range{From: day.UnixMilli(), To: day.UnixMilli() + dayMillis - 1, Limit: 1 << 40}
	byDays := map[uint16]*columns{}
	for _, u := range list {
		r.Fingerprints = append(r.Fingerprints, u.fingerprint)
		if byDays[u.retention] == nil {
			byDays[u.retention] = newColumns(block.NewOwner(string(u.tenant), u.retention))
		}
	}
	var mu sync.Mutex // series come from several goroutines
	_, err := s.samples.Stream(ctx, list[0].tenant, r, func(samples samplestore.Samples) error {
		i, _ := slices.BinarySearchFunc(list, samples.Fingerprint, func(u unrolled, fp uint64) int { return cmp.Compare(u.fingerprint, fp) })
		u := list[i]
		w := s.bench()
		defer s.benches.Put(w)
		for _, length := range []int64{samplerollup.FiveMinutes, samplerollup.Hour} {
			if !samplerollup.Worth(u.held, length) {
				continue
			}
			var bodies [samplerollup.Aspects][]byte
			for a := range bodies {
				w.entries.Thin(samplerollup.Aspect(a), length, samples.Times, samples.Values)
				bodies[a] = w.packer.Append(nil, samplerollup.Aspect(a), &w.entries)
			}
			mu.Lock()
			sum.Bytes += byDays[u.retention].append(day, length, u, &bodies)
			mu.Unlock()
		}
		mu.Lock()
		sum.Days++
		sum.Samples += int64(len(samples.Times))
		mu.Unlock()
		return nil
	})
	if err != nil {
		return err
	}
	return s.insert(ctx, list[0].tenant, byDays)
}

func (s *Store) insert(ctx context.Context, t tenant.ID, byDays map[uint16]*columns) error {
	var enc block.Encoder
	for _, c := range byDays {
		if len(c.fingerprint) == 0 {
			continue
		}
		b, err := enc.Encode(Table, len(c.fingerprint), c.input)
		if err != nil {
			return err
		}
		if err := s.db.InsertDerived(ctx, "roll", string(t), b); err != nil {
			return err
		}
	}
	return nil
}

// columns are the rows of sample_rollups.
type columns struct {
	owner       *block.Owner
	day         proto.ColDate
	bucket      proto.ColUInt16
	fingerprint proto.ColUInt64
	stored      proto.ColUInt64
	bodies      [samplerollup.Aspects]block.Strings
	input       proto.Input
}

func newColumns(o *block.Owner) *columns {
	c := &columns{owner: o}
	own := []proto.InputColumn{
		{Name: "day", Data: &c.day}, {Name: "bucket", Data: &c.bucket},
		{Name: "fingerprint", Data: &c.fingerprint}, {Name: "stored", Data: &c.stored},
	}
	for a := range c.bodies {
		own = append(own, proto.InputColumn{Name: columnOf(samplerollup.Aspect(a)).String(), Data: &c.bodies[a]})
	}
	c.input = o.Columns(own...)
	return c
}

// append returns how many bytes the bodies have.
func (c *columns) append(day time.Time, length int64, u unrolled, bodies *[samplerollup.Aspects][]byte) (bytes int64) {
	c.owner.AddRow()
	c.day.Append(day)
	c.bucket.Append(uint16(length / 1000))
	c.fingerprint.Append(u.fingerprint)
	c.stored.Append(u.held)
	for a, b := range bodies {
		c.bodies[a].AppendBytes(b)
		bytes += int64(len(b))
	}
	return bytes
}
