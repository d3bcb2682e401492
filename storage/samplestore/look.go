package samplestore

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/packcache"
	"github.com/trefoil-o11y/trefoil/storage/samplepack"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	daySeconds = 86_400
	hourMillis = 3_600_000
)

// firstDay is the range's first day, counted from 1970.
func (r Range) firstDay() uint32 { return hourOf(r.From) / daySeconds }

// dayCount is how many days the range touches.
func (r Range) dayCount() int {
	return int(max(hourOf(r.To)/daySeconds, r.firstDay())-r.firstDay()) + 1
}

// hoursOf is the hours of the range's day d that it touches.
func (r Range) hoursOf(d int) packcache.Hours {
	day := r.firstDay() + uint32(d)
	first, last := 0, 23
	if from := hourOf(r.From); from/daySeconds == day {
		first = int(from % daySeconds / 3600)
	}
	if to := max(hourOf(r.To), hourOf(r.From)); to/daySeconds == day {
		last = int(to % daySeconds / 3600)
	}
	return packcache.Between(first, last)
}

// recall takes from memory what is true of the range's version.
func (c *share) recall(packs bool) {
	c.days = make([][]*packcache.Day, c.dayCount())
	for d := range c.days {
		of := make([]*packcache.Day, len(c.Fingerprints))
		c.days[d] = of
		day := c.firstDay() + uint32(d)
		version := c.As.Samples(day)
		if version == 0 || !packs {
			continue
		}
		c.store.packs.Get(c.tenant, day, c.Fingerprints, of)
		for i := range of {
			if of[i] != nil && of[i].Version != version {
				of[i] = nil
			}
		}
	}
}

// missing lists the series that are not known all through the range, and the hours
// among which they are not.
func (c *share) missing() Range {
	var out Range
	lacking := make([]bool, len(c.Fingerprints))
	for d, of := range c.days {
		hours, any := c.hoursOf(d), false
		for i, day := range of {
			if day == nil || hours&^day.Looked != 0 {
				lacking[i], any = true, true
			}
		}
		if !any {
			continue
		}
		begin := int64(c.firstDay()+uint32(d)) * daySeconds * 1000
		if out.To == 0 {
			out.From = begin + int64(hours.First())*hourMillis
		}
		out.To = begin + int64(hours.Last()+1)*hourMillis - 1
	}
	for i, fp := range c.Fingerprints {
		if lacking[i] {
			out.Fingerprints = append(out.Fingerprints, fp)
		}
	}
	return out
}

// cell is an hour of a series.
type cell struct {
	held   uint64 // samples in the table of chunks
	stored uint64 // of which the pack was made
	at, n  uint32 // the pack's place among the packs
}

// packed tells whether the pack has all there is of the hour.
func (c *cell) packed() bool { return c.held > 0 && c.held == c.stored }

// look finds out what there is of the series that memory does not know, and brings
// the packs.
func (c *share) look(ctx context.Context, packs bool) error {
	lack := c.missing()
	if len(lack.Fingerprints) == 0 {
		return nil
	}
	var buf packColumn
	if b, ok := c.store.buffers.Get().(*[]byte); ok {
		buf.buf = (*b)[:0]
	}
	defer func() { c.store.buffers.Put(&buf.buf) }()
	var (
		fingerprint, stored proto.ColUInt64
		hour                proto.ColUInt32
		first, hours        = hourOf(lack.From), lack.hours()
		cells               = make([]cell, len(lack.Fingerprints)*hours)
		index               = make(map[uint64]int, len(lack.Fingerprints))
		fp                  uint64
		row                 []cell
	)
	for i, f := range lack.Fingerprints {
		index[f] = i
	}
	of, params := c.of(lack.Fingerprints)
	stats, err := c.store.db.Columns(ctx, conn.Query{
		SQL: heldSelect(c.tenant, of, lack.From, lack.To, packs).SQL(), Op: "samples", Params: params,
	}, proto.Results{
		{Name: "fingerprint", Data: &fingerprint}, {Name: "at", Data: &hour}, {Name: "stored", Data: &stored}, {Name: "pack", Data: &buf},
	}, func() error {
		for i, f := range fingerprint {
			if row == nil || f != fp {
				at, ok := index[f]
				if !ok && c.Dense {
					continue
				}
				if !ok {
					return fmt.Errorf("samples: series %d was not asked for", f)
				}
				fp, row = f, cells[at*hours:][:hours]
			}
			k := (hour[i] - first) / 3600
			if int(k) >= len(row) {
				return fmt.Errorf("samples: series %d: hour %d was not asked for", f, hour[i])
			}
			cell := &row[k]
			switch at, n := buf.span(i); {
			case n == 0:
				cell.held += stored[i]
			case stored[i] > cell.stored: // of several packs the newest has most
				cell.stored, cell.at, cell.n = stored[i], at, n
			}
		}
		return nil
	})
	c.stats.Add(stats)
	if err == nil {
		c.found(lack, cells, buf.buf)
	}
	return err
}

// found makes days of what was found.
func (c *share) found(lack Range, cells []cell, packs []byte) {
	hours := lack.hours()
	for k := 0; k < hours; {
		at := hourOf(lack.From) + uint32(k)*3600
		day, hour := at/daySeconds, int(at%daySeconds/3600)
		n := min(hours-k, 24-hour)
		version := c.As.Samples(day)
		i, more := 0, packcache.More{}
		for l, fp := range lack.Fingerprints {
			for c.Fingerprints[i] != fp { // both are in order
				i++
			}
			tell(&more, cells[l*hours+k:][:n], packs, hour)
			c.learn(int(day-c.firstDay()), i, version, &more)
		}
		k += n
	}
}

// learn makes of day d of series i what is also known of it.
func (c *share) learn(d, i int, version uint64, more *packcache.More) {
	c.days[d][i] = c.days[d][i].With(version, more)
	if c.fresh[d] != nil {
		c.fresh[d][i] = true
	}
}

// toKeep makes room to mark what is learned of days, if memory may keep it.
func (c *share) toKeep(packs bool) {
	c.fresh = make([][]bool, len(c.days))
	for d := range c.fresh {
		if packs && c.store.packs != nil && c.As.Samples(c.firstDay()+uint32(d)) != 0 {
			c.fresh[d] = make([]bool, len(c.Fingerprints))
		}
	}
}

// keep puts what was learned of days into memory.
func (c *share) keep() {
	for d, fresh := range c.fresh {
		if !slices.Contains(fresh, true) {
			continue
		}
		of := slices.Clone(c.days[d])
		for i := range of {
			if !fresh[i] {
				of[i] = nil
			}
		}
		c.store.packs.Put(c.tenant, c.firstDay()+uint32(d), c.Fingerprints, of)
	}
}

// tell makes m what cells say, the first of which is an hour of a day.
func tell(m *packcache.More, cells []cell, packs []byte, hour int) {
	*m = packcache.More{Looked: packcache.Between(hour, hour+len(cells)-1)}
	for k := range cells {
		switch cell := &cells[k]; {
		case cell.packed():
			m.Packs[hour+k] = packs[cell.at:][:cell.n]
		case cell.held > 0:
			m.Loose |= 1 << (hour + k)
			m.Samples += uint32(min(cell.held, samplesAtOnce))
		}
	}
}

// keeping is what hours are packed with to be remembered.
type keeping struct {
	packer samplepack.Packer
	packs  []byte
	more   packcache.More
}

// remember packs the hours of series i that are loose, of which memory is to learn; s is all samples of them, in
// the order of time.
func (c *share) remember(i int, s *Samples) {
	if c.store.packs == nil {
		return
	}
	p, ok := c.store.keepers.Get().(*keeping)
	if !ok {
		p = new(keeping)
	}
	defer c.store.keepers.Put(p)
	for d, of := range c.days {
		day := c.firstDay() + uint32(d)
		version, loose := c.As.Samples(day), of[i].Loose&c.hoursOf(d)
		if version == 0 || loose == 0 || day == 0 || day == math.MaxUint32/daySeconds {
			continue // the first and the last day have samples of other times, see hourOf
		}
		p.more, p.packs = packcache.More{}, p.packs[:0]
		for ; loose != 0; loose &= loose - 1 {
			begin := (int64(day)*24 + int64(loose.First())) * hourMillis
			from, _ := slices.BinarySearch(s.Times, begin)
			to, _ := slices.BinarySearch(s.Times, begin+hourMillis)
			if n := to - from; n > 0 && n <= samplepack.Most {
				k := len(p.packs)
				p.packs = p.packer.Append(p.packs, s.Times[from:to], s.Values[from:to])
				p.more.Looked |= 1 << loose.First()
				p.more.Packs[loose.First()] = p.packs[k:]
			}
		}
		if p.more.Looked != 0 {
			c.learn(d, i, version, &p.more)
		}
	}
}

// heldSelect lists how many samples the chunks of each series and hour have, a
// row a chunk, and the packs. A pack is never empty.
func heldSelect(t tenant.ID, of chsql.Expr, from, to int64, packs bool) chsql.Select {
	fp, at := chsql.Col("fingerprint"), chsql.Func("toUnixTimestamp", chsql.Col("hour")).As("at")
	held := sampleSelect(t, of, from, to)
	held.Columns = []chsql.Expr{fp, at, chsql.Col("ts.size0").As("stored"), chsql.String("").As("pack")}
	held.OrderBy, held.Settings = nil, nil
	if !packs {
		return held
	}
	packed := held
	packed.Columns, packed.From = []chsql.Expr{fp, at, chsql.Col("stored"), chsql.Col("pack")}, chsql.Table(packTable)
	return chsql.Select{Columns: []chsql.Expr{fp, chsql.Col("at"), chsql.Col("stored"), chsql.Col("pack")}, From: chsql.Union(held, packed)}
}
