package grideval

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/schema"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/tally"
)

// folding aggregates the series of a rollup as they come, if the source promises that
// they come in turn (Read.InTurn). Then only columns that are worked on are held:
// those of a hundred thousand series would be written to memory and waited for.
//
//	kernel ─ column 7 ─┐
//	kernel ─ column 5 ─┼─▶ ahead: 5 6 7 ──one after another──▶ the tally of its group
//	kernel ─ column 6 ─┘
type folding struct {
	*evaluation
	*metricplan.Aggregate
	steps    int
	keepName bool
	begun    bool // the source has promised

	held atomic.Int64 // cells

	mu     sync.Mutex
	ahead  []turn      // a ring, index i at i modulo its length, a power of two
	next   int         // the index whose turn it is
	adding bool        // somebody adds what comes; only they touch the groups
	free   [][]float64 // columns
	series int         // that came to something
	groups []*tallyGroup
	index  map[uint64]*tallyGroup
}

// turn is a series that has come; values is nil of one that came to nothing.
type turn struct {
	came   bool
	key    uint64
	labels labels.Labels
	values []float64
}

// tallyGroup is one group. Of a single series it is that series' column, which may
// be all of most groups.
type tallyGroup struct {
	labels labels.Labels
	single []float64
	tally  tally.Tally
}

// foldingOf is nil unless series of a rollup can be aggregated as they come.
func (e *evaluation) foldingOf(n *metricplan.Aggregate, g column.Grid) *folding {
	r, ok := n.Expr.(*metricplan.Rollup)
	if !ok || n.Group != nil || n.Param != nil || !tally.Can(n.Op) || e.Delayed ||
		r.Selector == nil || r.Kernel == nil || r.At != nil || r.AtOf != nil || r.Starts {
		return nil
	}
	return &folding{evaluation: e, Aggregate: n, steps: g.N, keepName: r.KeepName, ahead: make([]turn, 64), index: map[uint64]*tallyGroup{}}
}

// begin is Read.InTurn.
func (f *folding) begin() { f.begun = true }

// room makes a column.
func (f *folding) room() ([]float64, error) {
	f.held.Add(int64(f.steps))
	return make([]float64, f.steps), f.hold(int64(f.steps))
}

// column is one to be filled, and taken or given back.
func (f *folding) column() ([]float64, error) {
	f.mu.Lock()
	n := len(f.free)
	if n == 0 {
		f.mu.Unlock()
		return f.room()
	}
	v := f.free[n-1]
	f.free = f.free[:n-1]
	f.mu.Unlock()
	return v, nil
}

// take takes the column that the series of an index came to, nil for nothing, and adds
// all whose turn it is.
func (f *folding) take(index int, l labels.Labels, values []float64) error {
	t := turn{came: true, values: values}
	if values != nil {
		if t.labels = l; !f.keepName {
			t.labels = l.DropReserved(schema.IsMetadataLabel)
		}
		var room [128]byte
		t.key, _ = groupKey(f.Aggregate, t.labels, room[:])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(index, t)
	for !f.adding && f.at(f.next).came {
		var few [16]turn
		if ready := f.ready(few[:0]); len(ready) > 0 {
			if err := f.addUnlocked(ready); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveBack takes back a column that came to nothing.
func (f *folding) giveBack(values []float64) {
	f.mu.Lock()
	f.free = append(f.free, values)
	f.mu.Unlock()
}

func (f *folding) at(index int) *turn { return &f.ahead[index&(len(f.ahead)-1)] }

func (f *folding) put(index int, t turn) {
	for index-f.next >= len(f.ahead) {
		short := f.ahead
		f.ahead = make([]turn, 2*len(short))
		for i := f.next; i < f.next+len(short); i++ {
			*f.at(i) = short[i&(len(short)-1)]
		}
	}
	*f.at(index) = t
}

// ready moves the turns that are next and came to something to a list, as many as it
// has room for.
func (f *folding) ready(list []turn) []turn {
	for ; len(list) < cap(list) && f.at(f.next).came; f.next++ {
		t := f.at(f.next)
		if t.values != nil {
			list = append(list, *t)
		}
		*t = turn{}
	}
	return list
}

// addUnlocked adds turns while others bring more.
func (f *folding) addUnlocked(turns []turn) (err error) {
	var free [][]float64
	f.adding = true
	f.mu.Unlock()
	defer func() { // after a panic, too: the caller unlocks
		f.mu.Lock()
		f.adding = false
		f.free = append(f.free, free...)
		f.series += len(turns)
	}()
	free, err = f.add(turns)
	return err
}

// add adds turns to their groups, and returns the columns that it has no more use for.
func (f *folding) add(turns []turn) (free [][]float64, err error) {
	for len(turns) > 0 {
		t := &turns[0]
		g := f.index[t.key]
		switch {
		case g == nil:
			g = &tallyGroup{labels: groupLabels(f.Aggregate, labels.NewBuilder(labels.EmptyLabels()), t.labels), single: t.values}
			f.index[t.key] = g
			f.groups = append(f.groups, g)
			turns = turns[1:]
			continue
		case g.single != nil:
			first := g.single
			values, err := f.room()
			if err != nil {
				return free, err
			}
			g.tally.Begin(f.Op, values)
			size := g.tally.Size() - int64(f.steps)
			f.held.Add(size)
			if err := f.hold(size); err != nil {
				return free, err
			}
			g.tally.Add(first)
			g.single, free = nil, append(free, first)
		}
		n := 1
		if f.Op == parser.SUM && ofOneGroup(turns, tally.AtOnce) {
			n = tally.AtOnce
			g.tally.AddFour(&[tally.AtOnce][]float64{turns[0].values, turns[1].values, turns[2].values, turns[3].values})
		} else {
			g.tally.Add(t.values)
		}
		for i := range turns[:n] {
			free = append(free, turns[i].values)
		}
		turns = turns[n:]
	}
	return free, nil
}

// ofOneGroup tells whether there are n turns, and the first n are of one group.
func ofOneGroup(turns []turn, n int) bool {
	if len(turns) < n {
		return false
	}
	for i := range turns[:n] {
		if turns[i].key != turns[0].key {
			return false
		}
	}
	return true
}

// result is the series of the groups, in the order of their first ones. What was held
// is given back.
func (f *folding) result() []column.Series {
	f.hold(-f.held.Load())
	out := make([]column.Series, len(f.groups))
	var t tally.Tally
	for i, g := range f.groups {
		whole := &g.tally
		if g.single != nil {
			whole = &t
			whole.Begin(f.Op, make([]float64, f.steps))
			whole.Add(g.single)
		}
		out[i] = column.Series{Labels: g.labels, DropName: !f.keepName, Values: whole.End()}
	}
	return column.Compact(out)
}
