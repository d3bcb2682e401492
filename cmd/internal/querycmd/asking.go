package querycmd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
	"github.com/trefoil-o11y/trefoil/cmd/internal/termview"
)

// asking is what the query commands have in common: whom to ask, and how to
// show the answer.
type asking struct {
	api    nativeclient.Config
	output string
	color  string
	arrow  bool // the answer can be had in Arrow; set before declare
}

func (a *asking) declare(set *flagset.Set) {
	set.Section("Asking")
	set.String(&a.api.URL, "api", "http://127.0.0.1:8733", "`address` of Trefoil's HTTP API")
	set.String(&a.api.Tenant, "tenant", "", "ask as this `tenant` instead of the server's default one")
	set.Duration(&a.api.Timeout, "timeout", 30*time.Second, "give up after this `time`")
	set.Section("Showing")
	formats := "`format` of the answer: table, or json for the API's own document"
	if a.arrow {
		formats = "`format` of the answer: table, json for the API's own document, or arrow for an Arrow IPC stream"
	}
	set.String(&a.output, "output", "table", formats)
	set.Short("o", "output")
	set.String(&a.color, "color", "auto", "`when` to colour a table: auto (on a terminal, unless NO_COLOR is set), always or never")
}

// open checks the common flags.
func (a *asking) open(set *flagset.Set) (*nativeclient.Client, error) {
	switch {
	case a.output == "arrow" && a.arrow:
		a.api.Arrow = true
	case a.output != "table" && a.output != "json":
		return nil, set.Errorf("flag --output: %q is not table or json%s", a.output, map[bool]string{true: ", or arrow"}[a.arrow])
	}
	switch a.color {
	case "auto", "always", "never":
	default:
		return nil, set.Errorf("flag --color: %q is not auto, always or never", a.color)
	}
	client, err := nativeclient.New(a.api)
	if err != nil {
		return nil, set.Errorf("flag --api: %v", err)
	}
	return client, nil
}

// show prints the document as it came, or draws it.
func (a *asking) show(raw []byte, draw func(termview.Style)) error {
	if a.output == "arrow" {
		_, err := os.Stdout.Write(raw)
		return err
	}
	if a.output == "json" {
		_, err := fmt.Fprintf(os.Stdout, "%s\n", strings.TrimSpace(string(raw)))
		return err
	}
	draw(termview.ForFile(os.Stdout, a.color))
	return nil
}

// showRecords prints a page of log records, the newest first in the answer and
// last on the terminal.
func (a *asking) showRecords(l *nativeclient.Logs, linked bool, more string) error {
	return a.show(l.Raw, func(s termview.Style) {
		oldestFirst := slices.Clone(l.Records)
		slices.Reverse(oldestFirst)
		termview.Logs(os.Stdout, s, oldestFirst, linked)
		if l.NextCursor != "" {
			fmt.Fprintf(os.Stderr, "%s: --cursor %s\n", more, l.NextCursor)
		}
	})
}

// window is a stretch of time given by flags.
type window struct {
	start, end string
	since      time.Duration
}

func (w *window) declare(set *flagset.Set, since time.Duration, what string) {
	set.Section("Time")
	set.Duration(&w.since, "since", since, "how far back to look from --end"+what)
	set.String(&w.start, "start", "", "begin here instead: a `time` as in 2026-05-04T10:00:00Z, Unix seconds, or 15m for so long ago")
	set.String(&w.end, "end", "", "stop at this `time`, written as for --start (default now)")
}

func (w *window) resolve(set *flagset.Set, now time.Time) (start, end time.Time, err error) {
	end = now
	if w.end != "" {
		if end, err = parseTime(w.end, now); err != nil {
			return start, end, set.Errorf("flag --end: %v", err)
		}
	}
	start = end.Add(-w.since)
	if w.start != "" {
		if start, err = parseTime(w.start, now); err != nil {
			return start, end, set.Errorf("flag --start: %v", err)
		}
	}
	if start.After(end) {
		return start, end, set.Errorf("the window ends (%s) before it starts (%s)", end.Format(time.RFC3339), start.Format(time.RFC3339))
	}
	return start, end, nil
}

func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e11 {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-05-04T10:00:00Z, 1777888800 or 15m", text)
}

// pointAt adds the query's line and a caret to an error that has a position.
func pointAt(err error, expression string) error {
	var answer *nativeclient.Error
	if !errors.As(err, &answer) || answer.Position == nil {
		return err
	}
	lines := strings.Split(expression, "\n")
	line, column := answer.Position.Line, answer.Position.Column
	if line < 1 || line > len(lines) || column < 1 || column > len(lines[line-1])+1 {
		return err
	}
	return fmt.Errorf("%w\n  %s\n  %s^", err, lines[line-1], strings.Repeat(" ", column-1))
}
