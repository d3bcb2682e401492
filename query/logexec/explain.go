package logexec

import (
	"fmt"
	"strings"
	"sync"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// Explanation says how an answer came about.
type Explanation struct {
	// Plan is the query as a tree, a node a line; behind "--" stands who does it.
	Plan    []string
	Selects []conn.Ran // in the order they ended
}

// notes gathers an explanation while a query runs.
type notes struct {
	explained.Recorder
	mu   sync.Mutex
	done map[logql.Expr]string
}

// note says how a node was evaluated.
func (n *notes) note(e logql.Expr, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.done == nil {
		n.done = map[logql.Expr]string{}
	}
	n.done[e] = fmt.Sprintf(format, args...)
}

// explain is the explanation of a query that has run; nil is of a listing.
func (n *notes) explain(e logql.Expr) Explanation {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := Explanation{Selects: n.Ran()}
	if e != nil {
		n.tree(&out.Plan, e, "")
	}
	return out
}

func (n *notes) tree(plan *[]string, e logql.Expr, indent string) {
	line := func(text string) { *plan = append(*plan, indent+text) }
	switch e := e.(type) {
	case *logql.Aggregation:
		line(headOf(e, e.Inner))
		n.tree(plan, e.Inner, indent+"  ")
	case *logql.LabelReplace:
		line("label_replace")
		n.tree(plan, e.Inner, indent+"  ")
	case *logql.Binary:
		line(e.Op)
		n.tree(plan, e.Left, indent+"  ")
		n.tree(plan, e.Right, indent+"  ")
	default:
		text := e.String()
		if how, ok := n.done[e]; ok {
			text += " -- " + how
		}
		line(text)
	}
}

// headOf is an aggregation without what it is of.
func headOf(a *logql.Aggregation, inner logql.Expr) string {
	return strings.Replace(a.String(), inner.String(), "…", 1)
}

// filtering says what of a pipeline the server does, and who does the rest.
func (p *pushed) filtering(m logstore.Meanings) string {
	rest := "records are run through the pipeline here"
	if p.sure(m) {
		rest = "which is all of it"
	}
	return fmt.Sprintf("the server filters by %d conditions, %s", len(p.conds), rest)
}
