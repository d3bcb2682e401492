package lokiapi

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	tailEvery   = 500 * time.Millisecond
	tailOverlap = 5 * time.Second // how late a line may be stored and is still told
	tailWrite   = 10 * time.Second
	maxDelay    = 5 * time.Second
)

// tail sends lines as they are stored, over a WebSocket, until the client goes. A
// query that cannot be run is answered before the connection is a socket.
func (a *api) tail(w http.ResponseWriter, r *http.Request) {
	form, err := formOf(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	l, err := logql.ParseLog(form.Get("query"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	start, err := fault.Optional(form, "start", a.Now().Add(-hour), timetext.TimeOrNanos)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	delay, err := fault.Optional(form, "delay_for", 0, timetext.Positive)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	win, err := a.window(form, start, a.Now())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	select {
	case a.tails <- struct{}{}:
		defer func() { <-a.tails }()
	default:
		a.fail(w, r, &fault.Error{Code: fault.Unavailable, Limit: "max_tails", RetryAfter: time.Second, Message: "as many tails are open as the limit max_tails allows; try again"})
		return
	}
	// Clients of other origins cannot read what they did not authenticate for, and
	// Grafana's server sends its own: the same-origin check of the library stays.
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	t := tailer{api: a, query: l, from: start, delay: min(delay, maxDelay), limit: win.Limit, categorized: categorized(r), seen: map[uint64]int64{}}
	ctx := conn.CloseRead(r.Context()) // ends when the client closes or is gone
	if err := t.run(ctx, conn); err != nil && ctx.Err() == nil {
		f := failure(err)
		a.Failed(ctx, f)
		reason := f.Error()
		conn.Close(websocket.StatusInternalError, reason[:min(len(reason), 120)])
	}
}

// tailer remembers what it has sent of the last seconds, since lines may be stored
// out of their order in time.
type tailer struct {
	*api
	query       *logql.Log
	from        time.Time
	delay       time.Duration
	limit       int
	categorized bool
	seen        map[uint64]int64 // times by id
}

func (t *tailer) run(ctx context.Context, conn *websocket.Conn) error {
	ticker := time.NewTicker(tailEvery)
	defer ticker.Stop()
	first := true
	for {
		lines, err := t.poll(ctx, first)
		if err != nil {
			return err
		}
		first = false
		if len(lines) > 0 {
			body := append(appendStreams([]byte(`{"streams":`), lines, t.categorized), `,"dropped_entries":[]`...)
			if t.categorized {
				body = append(body, `,"encodingFlags":["categorize-labels"]`...)
			}
			write, cancel := context.WithTimeout(ctx, tailWrite)
			err := conn.Write(write, websocket.MessageText, append(body, '}'))
			cancel()
			if err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// poll reads what is new. The first time it is the newest lines, as many as the
// limit; later all of them, page by page.
func (t *tailer) poll(ctx context.Context, first bool) ([]logexec.Line, error) {
	owner := tenant.FromContext(ctx)
	to := t.Now().Add(-t.delay)
	w := logexec.Window{From: t.from, To: to, Limit: t.limit, Forward: !first}
	if !w.From.Before(w.To) {
		return nil, nil
	}
	var fresh []logexec.Line
	for {
		res, err := t.Engine.Lines(ctx, owner, t.query, w)
		if err != nil {
			return nil, err
		}
		for _, l := range res.Lines {
			if _, known := t.seen[l.ID]; !known {
				t.seen[l.ID] = l.Time
				fresh = append(fresh, l)
			}
		}
		if w.After = res.More; w.After == nil || first {
			break
		}
	}
	if first {
		for i, j := 0, len(fresh)-1; i < j; i, j = i+1, j-1 {
			fresh[i], fresh[j] = fresh[j], fresh[i]
		}
	}
	t.from = to.Add(-tailOverlap)
	for id, at := range t.seen {
		if at < t.from.UnixNano() {
			delete(t.seen, id)
		}
	}
	return fresh, nil
}
