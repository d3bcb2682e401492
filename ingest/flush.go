package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// flush inserts the blocks of some requests, each table in one insert:
//
//	resources ─┐                 ┌─ logs
//	scopes    ─┼─ all of them ─▶ ├─ spans, trace_index
//	series    ─┘                 └─ samples, histograms, exemplars
//
// A table whose rows ClickHouse rejects is inserted again in halves, down to
// single requests, so that a request pays for its own rows only.
type flush struct {
	b       *Batcher
	id      string // part of every token
	tickets []*ticket
	ctx     context.Context // ends when nobody waits any more
	cancel  context.CancelFunc
	waiting atomic.Int64
	last    atomic.Pointer[error]
}

func newFlush(b *Batcher, tickets []*ticket) *flush {
	f := &flush{b: b, id: rand.Text(), tickets: tickets}
	f.ctx, f.cancel = context.WithCancel(b.ctx)
	f.waiting.Store(int64(len(tickets)))
	return f
}

// leave says that one request does not wait any more.
func (f *flush) leave() {
	if f.waiting.Add(-1) == 0 {
		f.cancel()
	}
}

// lastError is what ClickHouse said last, nil when nothing went wrong yet.
func (f *flush) lastError() error {
	if p := f.last.Load(); p != nil {
		return *p
	}
	return nil
}

// run inserts everything and answers every ticket.
func (f *flush) run() {
	defer f.cancel()
	f.b.telemetry.requests.Observe(float64(len(f.tickets)))
	errs := make([]error, len(f.tickets))
	first, rest := f.tables()
	f.insertTables(first, errs)
	f.insertTables(rest, errs)
	for i, t := range f.tickets {
		t.answer <- errs[i]
	}
}

// part is what one ticket has for one table.
type part struct {
	ticket int
	blocks []block.Block
}

// tableParts is one table's share of a flush.
type tableParts struct {
	table string
	parts []part
}

// tables sorts the blocks of all tickets by table.
func (f *flush) tables() (first, rest []tableParts) {
	var all []tableParts
	for i, t := range f.tickets {
		for _, blk := range t.blocks {
			j := slices.IndexFunc(all, func(p tableParts) bool { return p.table == blk.Table })
			if j < 0 {
				j = len(all)
				all = append(all, tableParts{table: blk.Table})
			}
			parts := &all[j].parts
			if n := len(*parts); n == 0 || (*parts)[n-1].ticket != i {
				*parts = append(*parts, part{ticket: i})
			}
			p := &(*parts)[len(*parts)-1]
			p.blocks = append(p.blocks, blk)
		}
	}
	for _, p := range all {
		if slices.Contains(f.b.cfg.First, p.table) {
			first = append(first, p)
		} else {
			rest = append(rest, p)
		}
	}
	return first, rest
}

// insertTables inserts tables side by side, leaving out the tickets that
// failed before, and notes in errs the tickets that fail now.
func (f *flush) insertTables(tables []tableParts, errs []error) {
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	before := slices.Clone(errs)
	for _, t := range tables {
		parts := slices.DeleteFunc(slices.Clone(t.parts), func(p part) bool { return before[p.ticket] != nil })
		if len(parts) == 0 {
			continue
		}
		wg.Go(func() {
			f.insertParts(t.table, parts, 0, func(ticket int, err error) {
				mu.Lock()
				defer mu.Unlock()
				if errs[ticket] == nil {
					errs[ticket] = err
				}
			})
		})
	}
	wg.Wait()
}

// insertParts inserts parts in one piece or, when their rows are rejected, in
// two. offset is where parts starts among the table's parts: together with
// their number it names the piece in its token.
func (f *flush) insertParts(table string, parts []part, offset int, fail func(ticket int, err error)) {
	var blocks []block.Block
	for _, p := range parts {
		blocks = append(blocks, p.blocks...)
	}
	err := f.insert(table, fmt.Sprintf("%s-%d-%d", f.id, offset, len(parts)), blocks)
	switch half := len(parts) / 2; {
	case err == nil:
	case rejected(err) && half > 0:
		f.insertParts(table, parts[:half], offset, fail)
		f.insertParts(table, parts[half:], offset+half, fail)
	default:
		for _, p := range parts {
			fail(p.ticket, err)
		}
	}
}

// insert sends one piece until ClickHouse has taken it or rejected its rows,
// or nobody waits any more.
func (f *flush) insert(table, token string, blocks []block.Block) error {
	pause := f.b.cfg.Backoff
	for {
		err := f.attempt(table, token, blocks)
		if err == nil || rejected(err) {
			return err
		}
		if f.ctx.Err() == nil {
			f.last.Store(&err)
		}
		// Half of the pause is chance, so that failed inserts do not come back together.
		timer := time.NewTimer(pause/2 + mathrand.N(pause/2+1))
		select {
		case <-timer.C:
		case <-f.ctx.Done():
			timer.Stop()
			if last := f.lastError(); last != nil {
				err = last
			}
			return f.b.refuse(RefusedUnavailable, fmt.Errorf("insert: %w", err))
		}
		pause = min(2*pause, f.b.cfg.MaxBackoff)
		f.b.telemetry.retries.WithLabelValues(table).Inc()
	}
}

// rejected tells whether err is ClickHouse's final word on the rows. A table
// or a right that is missing is not: that can be mended, and the rows kept.
func rejected(err error) bool {
	var refusal *Refusal
	return conn.ClassOf(err) == conn.Rejected && !errors.As(err, &refusal) && !conn.Misplaced(err)
}

// attempt is one insert.
func (f *flush) attempt(table, token string, blocks []block.Block) error {
	start := time.Now()
	err := f.b.cfg.Insert(f.ctx, table, token, blocks)
	t := f.b.telemetry
	t.durations.WithLabelValues(table).Observe(time.Since(start).Seconds())
	if err != nil {
		class := conn.ClassOf(err)
		t.failures.WithLabelValues(table, class.String()).Inc()
		if !errors.Is(err, context.Canceled) {
			f.b.cfg.Logger.LogAttrs(f.ctx, slog.LevelWarn, "ingest: insert failed",
				slog.String("table", table), slog.String("class", class.String()), slog.Any("error", err))
		}
		return err
	}
	rows, bytes := 0, 0
	for i := range blocks {
		rows += blocks[i].Rows
		bytes += len(blocks[i].Native)
	}
	t.rows.WithLabelValues(table).Add(float64(rows))
	t.bytes.WithLabelValues(table).Add(float64(bytes))
	t.batchRows.WithLabelValues(table).Observe(float64(rows))
	return nil
}
