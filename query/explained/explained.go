// Package explained is the answer to explain=true, which is the same in every
// API: the plan of a query and what was asked of the database. How a plan reads
// is said by who made it.
package explained

import (
	"slices"
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// Document is an explanation in JSON.
type Document struct {
	Plan    []string `json:"plan"` // lines
	Selects []Select `json:"selects"`
}

// Select is a statement that has run, with what it read.
type Select struct {
	Op    string  `json:"op"`
	SQL   string  `json:"sql"`
	Rows  uint64  `json:"rows"`
	Bytes uint64  `json:"bytes"`
	MS    float64 `json:"ms"`
}

// New makes a Document; its lists are never null.
func New(plan []string, ran []conn.Ran) *Document {
	d := &Document{Plan: append([]string{}, plan...), Selects: make([]Select, len(ran))}
	for i, r := range ran {
		d.Selects[i] = Select{r.Op, r.SQL, r.Stats.Rows, r.Stats.Bytes, float64(r.Stats.Elapsed.Microseconds()) / 1000}
	}
	return d
}

// maxSelects bounds the statements that are remembered of a query.
const maxSelects = 200

// Recorder remembers the statements of a query, for conn.Traced. The zero value is
// ready; safe for concurrent use.
type Recorder struct {
	mu  sync.Mutex
	ran []conn.Ran
}

// Note remembers a statement.
func (r *Recorder) Note(one conn.Ran) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ran) < maxSelects {
		r.ran = append(r.ran, one)
	}
}

// Ran are the statements in the order they ended.
func (r *Recorder) Ran() []conn.Ran {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ran)
}
