package samplestore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/samplepack"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Packed is what a run of Pack did.
type Packed struct {
	Packs   int   // hours of series
	Samples int64 // in them
	Bytes   int64 // of the packs
}

// Pack packs the hours that are over before until, of the days from from on, that
// are not packed, or were before more samples of them came. It reads the samples
// of a day in the order of the table and writes as it goes; what it has written
// stays when it is interrupted. Running it twice at once is a waste, no harm.
func (s *Store) Pack(ctx context.Context, from, until time.Time) (Packed, error) {
	var sum Packed
	until = until.UTC().Truncate(time.Hour)
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(until); day = day.Add(24 * time.Hour) {
		r := Range{From: day.UnixMilli(), To: min(day.Add(24*time.Hour).UnixMilli(), until.UnixMilli()) - 1}
		tenants, err := s.unpackedTenants(ctx, r)
		if err != nil {
			return sum, err
		}
		for _, t := range tenants {
			if err := s.packDay(ctx, t, r, &sum); err != nil {
				return sum, fmt.Errorf("pack: tenant %q: %s: %w", t, day.Format(time.DateOnly), err)
			}
		}
	}
	return sum, nil
}

// unpackedTenants lists whose samples of a range are more or fewer than packed.
func (s *Store) unpackedTenants(ctx context.Context, r Range) (tenants []tenant.ID, err error) {
	_, err = s.db.Select(ctx, conn.Query{SQL: unpackedSelect(r.From, r.To).SQL(), Op: "pack"}, func(rows driver.Rows) error {
		var t string
		err := rows.Scan(&t)
		tenants = append(tenants, tenant.ID(t))
		return err
	})
	return tenants, err
}

func unpackedSelect(from, to int64) chsql.Select {
	t := chsql.Col("tenant")
	held := chsql.Select{Columns: []chsql.Expr{t, chsql.Col("ts.size0").As("held"), chsql.Uint(0).As("stored")}, From: chsql.Table(samples), Where: inHours(from, to)}
	packs := chsql.Select{
		Columns: []chsql.Expr{t, chsql.Uint(0).As("held"), chsql.Func("max", chsql.Col("sample_packs.stored")).As("stored")},
		From:    chsql.Table(packTable), Where: inHours(from, to), GroupBy: []chsql.Expr{t, chsql.Col("fingerprint"), chsql.Col("hour")},
	}
	return chsql.Select{
		Columns: []chsql.Expr{t}, From: chsql.Union(held, packs), GroupBy: []chsql.Expr{t},
		Having: []chsql.Expr{chsql.Ne(chsql.Func("sum", chsql.Col("held")), chsql.Func("sum", chsql.Col("stored")))},
	}
}

func inHours(from, to int64) []chsql.Expr {
	hour := chsql.Col("hour")
	return []chsql.Expr{
		chsql.Ge(hour, chsql.Seconds(int64(hourOf(from)))),
		chsql.Le(hour, chsql.Seconds(int64(hourOf(to)))),
	}
}

// unpacked is an hour of a series that wants to be packed.
type unpacked struct {
	held uint64
	days uint16 // the longest retention of its samples
}

// packDay packs what a tenant has of a day.
func (s *Store) packDay(ctx context.Context, t tenant.ID, r Range, sum *Packed) error {
	all, err := s.unpackedHours(ctx, t, r)
	if err != nil {
		return err
	}
	for fp := range all {
		r.Fingerprints = append(r.Fingerprints, fp)
	}
	slices.Sort(r.Fingerprints)
	const atOnce = 1000 // series
	for fps := range slices.Chunk(r.Fingerprints, atOnce) {
		p := packing{tenant: t, all: all, from: hourOf(r.From), byDays: map[uint16]*packColumns{}}
		part := r
		part.Fingerprints = fps
		part.Limit = 1 << 40
		one := make(chan struct{}, 1) // each is called from several goroutines
		_, err := s.stream(ctx, t, part, false, func(samples Samples) error {
			one <- struct{}{}
			defer func() { <-one }()
			p.series(samples)
			return nil
		})
		if err != nil {
			return err
		}
		if err := p.insert(ctx, s.db); err != nil {
			return err
		}
		sum.Packs += p.Packs
		sum.Samples += p.Samples
		sum.Bytes += p.Bytes
	}
	return nil
}

// unpackedHours finds by series, and by hour since the range's start, what is to
// be packed.
func (s *Store) unpackedHours(ctx context.Context, t tenant.ID, r Range) (map[uint64][]unpacked, error) {
	all := map[uint64][]unpacked{}
	_, err := s.db.Select(ctx, conn.Query{SQL: unpackedHoursSelect(t, r.From, r.To).SQL(), Op: "pack"}, func(rows driver.Rows) error {
		var fp, held uint64
		var hour uint32
		var days uint16
		if err := rows.Scan(&fp, &hour, &held, &days); err != nil {
			return err
		}
		if all[fp] == nil {
			all[fp] = make([]unpacked, r.hours())
		}
		all[fp][(hour-hourOf(r.From))/3600] = unpacked{held, days}
		return nil
	})
	return all, err
}

func unpackedHoursSelect(t tenant.ID, from, to int64) chsql.Select {
	own := append([]chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(t)))}, inHours(from, to)...)
	fp, hour, days := chsql.Col("fingerprint"), chsql.Col("hour"), chsql.Col("retention_days")
	zero := chsql.Func("toUInt64", chsql.Uint(0))
	held := chsql.Select{Columns: []chsql.Expr{fp, hour, chsql.Col("ts.size0").As("held"), zero.As("packed"), days}, From: chsql.Table(samples), Where: own}
	packs := chsql.Select{Columns: []chsql.Expr{fp, hour, zero.As("held"), chsql.Col("stored").As("packed"), chsql.Func("toUInt16", chsql.Uint(0)).As("retention_days")},
		From: chsql.Table(packTable), Where: own}
	in, done := chsql.Func("sum", chsql.Col("held")), chsql.Func("max", chsql.Col("packed"))
	return chsql.Select{
		Columns: []chsql.Expr{fp, chsql.Func("toUnixTimestamp", hour), in, chsql.Func("max", days)},
		From:    chsql.Union(held, packs), GroupBy: []chsql.Expr{fp, hour},
		// Fewer than packed: some have expired; the reader sees it, and time heals it.
		Having: []chsql.Expr{chsql.Gt(in, done)},
	}
}

// packing makes packs of the series of a tenant.
type packing struct {
	Packed
	tenant tenant.ID
	all    map[uint64][]unpacked
	from   uint32
	byDays map[uint16]*packColumns
	packer samplepack.Packer
	buf    []byte
}

// series packs the hours of a series that want it.
func (p *packing) series(s Samples) {
	hours := p.all[s.Fingerprint]
	for i := 0; i < len(s.Times); {
		hour := hourOf(s.Times[i])
		k := i + 1
		for k < len(s.Times) && hourOf(s.Times[k]) == hour {
			k++
		}
		if u := hours[(hour-p.from)/3600]; u.held > 0 && k-i <= samplepack.Most {
			c := p.byDays[u.days]
			if c == nil {
				c = newPackColumns(block.NewOwner(string(p.tenant), u.days))
				p.byDays[u.days] = c
			}
			p.buf = p.packer.Append(p.buf[:0], s.Times[i:k], s.Values[i:k])
			c.append(s.Fingerprint, hour, u.held, p.buf)
			p.Packs++
			p.Samples += int64(k - i)
			p.Bytes += int64(len(p.buf))
		}
		i = k
	}
}

func (p *packing) insert(ctx context.Context, db *conn.DB) error {
	var enc block.Encoder
	for _, c := range p.byDays {
		b, err := enc.Encode(TablePacks, len(c.fingerprint), c.input)
		if err != nil {
			return err
		}
		if err := db.InsertDerived(ctx, "pack", string(p.tenant), b); err != nil {
			return err
		}
	}
	return nil
}

// packColumns are the rows of sample_packs.
type packColumns struct {
	owner       *block.Owner
	fingerprint proto.ColUInt64
	hour        proto.ColUInt32
	stored      proto.ColUInt64
	pack        block.Strings
	input       proto.Input
}

func newPackColumns(o *block.Owner) *packColumns {
	c := &packColumns{owner: o}
	c.input = o.Columns(
		proto.InputColumn{Name: "fingerprint", Data: &c.fingerprint},
		proto.InputColumn{Name: "hour", Data: block.Typed(&c.hour, "DateTime('UTC')")},
		proto.InputColumn{Name: "stored", Data: &c.stored},
		proto.InputColumn{Name: "pack", Data: &c.pack},
	)
	return c
}

func (c *packColumns) append(fp uint64, hour uint32, stored uint64, pack []byte) {
	c.owner.AddRow()
	c.fingerprint.Append(fp)
	c.hour.Append(hour)
	c.stored.Append(stored)
	c.pack.AppendBytes(pack)
}
