package chaos

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
)

// A signal is a kind of record with a table, and so a count, of its own.
type signal int

const (
	logs signal = iota
	spans
	gauges
	histograms
	signals // how many there are
)

func (s signal) String() string { return [...]string{"logs", "spans", "gauges", "histograms"}[s] }

// A door is a protocol by which records come in.
type door int

const (
	overGRPC door = iota
	overHTTP
	overWrite // Prometheus remote write
	overPush  // Loki push
	overJSON  // OTLP/HTTP with JSON
	doors     // how many there are
)

func (d door) String() string { return [...]string{"grpc", "http", "write", "push", "json"}[d] }

// takes tells whether s can come in by d.
func (d door) takes(s signal) bool {
	switch d {
	case overWrite:
		return s == gauges || s == histograms
	case overPush:
		return s == logs
	case overJSON: // one way in for all signals; two of them are enough
		return s == logs || s == gauges
	}
	return true
}

// mark is what is known of one record.
type mark struct {
	door    door
	acked   bool
	retried bool // its request was sent more than once
}

// ledger knows every record that was ever sent. A record's ID is its index.
type ledger struct {
	mu      sync.Mutex
	records [signals][]mark
	acked   [signals][doors]atomic.Int64
	failed  atomic.Int64 // exports that ended with an error, those that gave up at once aside
}

// take gives n new records.
func (l *ledger) take(s signal, d door, n int) (ids []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		ids = append(ids, uint64(len(l.records[s])))
		l.records[s] = append(l.records[s], mark{door: d})
	}
	return ids
}

// settle writes down how the export of records ended.
func (l *ledger) settle(s signal, d door, ids []uint64, acked, retried bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.records[s][id].acked, l.records[s][id].retried = acked, retried
	}
	if acked {
		l.acked[s][d].Add(int64(len(ids)))
	}
}

// totalAcked is how many records were acknowledged so far.
func (l *ledger) totalAcked() (n int64) {
	for s := range l.acked {
		for d := range l.acked[s] {
			n += l.acked[s][d].Load()
		}
	}
	return n
}

// stored is what the tables hold.
type stored struct {
	copies   [signals]map[uint64]uint64 // of each record
	dangling [signals]uint64            // rows whose resource, scope, series or trace entry is missing
}

// line is the account of one signal at one door.
type line struct {
	sent, acked, retried             int
	stored, storedUnacked            int // distinct records
	missing, doubled, doubledRetried int
	example                          string
}

// report compares the ledger with the tables.
type report struct {
	lines    [signals][doors]line
	dangling [signals]uint64
	unknown  [signals]int // records in the tables that nobody sent
}

func (l *ledger) compare(s stored) (r report) {
	for sig := range signals {
		r.dangling[sig] = s.dangling[sig]
		for id, m := range l.records[sig] {
			r.lines[sig][m.door].add(m, uint64(id), s.copies[sig][uint64(id)])
		}
		for id := range s.copies[sig] {
			if id >= uint64(len(l.records[sig])) {
				r.unknown[sig]++
			}
		}
	}
	return r
}

func (n *line) add(m mark, id, copies uint64) {
	n.sent++
	if m.retried {
		n.retried++
	}
	if m.acked {
		n.acked++
	}
	if copies > 0 {
		n.stored++
		if !m.acked {
			n.storedUnacked++
		}
	}
	switch {
	case m.acked && copies == 0:
		n.missing++
	case copies > 1:
		n.doubled++
		if m.retried {
			n.doubledRetried++
		}
	default:
		return
	}
	if n.example == "" {
		n.example = fmt.Sprintf("record %d is there %d times, %+v", id, copies, m)
	}
}

// faults says what is wrong, "" when every acknowledged record is there exactly
// once and no other more than once.
func (r *report) faults() string {
	var all []string
	fault := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for sig := range signals {
		for d, n := range r.lines[sig] {
			where := fmt.Sprintf("%v over %v", sig, door(d))
			if n.missing+n.doubled > 0 {
				fault("%s: %d missing, %d doubled (%s)", where, n.missing, n.doubled, n.example)
			}
			if n.acked == 0 && door(d).takes(sig) {
				fault("%s: nothing was acknowledged, so nothing was tested", where)
			}
		}
		if r.dangling[sig] > 0 {
			fault("%v: %d rows refer to a resource, scope, series or trace that is not there", sig, r.dangling[sig])
		}
		if r.unknown[sig] > 0 {
			fault("%v: %d records that were never sent", sig, r.unknown[sig])
		}
	}
	return strings.Join(all, "\n")
}

func (r *report) sum() (sum line) {
	for sig := range signals {
		for _, n := range r.lines[sig] {
			sum.sent += n.sent
			sum.acked += n.acked
			sum.retried += n.retried
			sum.stored += n.stored
			sum.storedUnacked += n.storedUnacked
			sum.missing += n.missing
			sum.doubled += n.doubled
			sum.doubledRetried += n.doubledRetried
		}
	}
	return sum
}

func (r *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	sum := r.sum()
	fmt.Fprintln(w, "signal\tdoor\tsent\tacked\tretried\tstored\tstored unacked\tmissing\tdoubled\tdoubled retried\t")
	for sig := range signals {
		for d, n := range r.lines[sig] {
			if door(d).takes(sig) {
				n.row(w, sig.String(), door(d).String())
			}
		}
	}
	sum.row(w, "all", "")
	w.Flush()
}

func (n *line) row(w io.Writer, names ...string) {
	for _, name := range names {
		fmt.Fprintf(w, "%s\t", name)
	}
	for _, v := range []int{n.sent, n.acked, n.retried, n.stored, n.storedUnacked, n.missing, n.doubled, n.doubledRetried} {
		fmt.Fprintf(w, "%d\t", v)
	}
	fmt.Fprintln(w)
}
