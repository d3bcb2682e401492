package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/trefoil-o11y/trefoil/query/fault"
)

// Bounds of a request.
const (
	maxBody     = 64 << 10
	maxMatchers = 20
	maxText     = 1000
)

// Window is a maintenance window as the API shows it.
type Window struct {
	ID string `json:"id,omitempty"`
	// Matchers are Prometheus's, such as service="cart"; all of them have to
	// match.
	Matchers []string `json:"matchers"`
	// StartsAt and EndsAt are the first occurrence in a request, in an answer
	// the present or else the next one, or the last.
	StartsAt  time.Time `json:"starts_at"`
	EndsAt    time.Time `json:"ends_at"`
	Repeat    *Repeat   `json:"repeat,omitempty"`
	CreatedBy string    `json:"created_by"`
	Comment   string    `json:"comment"`
	// State and Silences, Alertmanager's ids, are in answers only.
	State    State    `json:"state,omitempty"`
	Silences []string `json:"silences,omitempty"`
}

// State of a window.
type State string

// The states.
const (
	Planned State = "planned"
	Active  State = "active"
	Over    State = "over"
)

// Repeat says when a window occurs again: at the same time of the clock, for as
// long.
type Repeat struct {
	// Weekdays are names such as monday; none are all.
	Weekdays []string `json:"weekdays,omitempty"`
	// Timezone is whose clock it is, such as Europe/Berlin. Default UTC.
	Timezone string `json:"timezone,omitempty"`
	// Until is when nothing begins any more; nil is never.
	Until *time.Time `json:"until,omitempty"`
}

// check refuses what cannot be carried out; errors are *fault.Error.
func (w *Window) check(now time.Time) (amlabels.Matchers, error) {
	switch {
	case w.ID != "" || w.State != "" || w.Silences != nil:
		return nil, fault.Param("id", errors.New("id, state and silences are given in answers; a window cannot be changed, only ended"))
	case len(w.Matchers) == 0 || len(w.Matchers) > maxMatchers:
		return nil, fault.Param("matchers", fmt.Errorf("there are %d; want 1 to %d", len(w.Matchers), maxMatchers))
	case strings.TrimSpace(w.Comment) == "" || len(w.Comment) > maxText:
		return nil, fault.Param("comment", fmt.Errorf("want what the maintenance is, in at most %d bytes", maxText))
	case strings.TrimSpace(w.CreatedBy) == "" || len(w.CreatedBy) > maxText:
		return nil, fault.Param("created_by", errors.New("want who says so"))
	case w.StartsAt.IsZero():
		return nil, fault.Param("starts_at", errors.New("is missing"))
	case !w.EndsAt.After(w.StartsAt):
		return nil, fault.Param("ends_at", errors.New("is not after starts_at"))
	}
	var matchers amlabels.Matchers
	for _, text := range w.Matchers {
		m, err := amlabels.ParseMatcher(text)
		if err != nil {
			return nil, fault.Param("matchers", fmt.Errorf("%s: %w", text, err))
		}
		matchers = append(matchers, m)
	}
	if !slices.ContainsFunc(matchers, func(m *amlabels.Matcher) bool { return !m.Matches("") }) {
		return nil, fault.Param("matchers", errors.New("they match alerts without any of these labels, too; one must not match the empty text"))
	}
	if w.Repeat == nil {
		if !w.EndsAt.After(now) {
			return nil, fault.Param("ends_at", errors.New("is over already"))
		}
		return matchers, nil
	}
	return matchers, w.checkRepeat(now)
}

func (w *Window) checkRepeat(now time.Time) error {
	if w.EndsAt.Sub(w.StartsAt) > 24*time.Hour {
		return fault.Param("ends_at", errors.New("is more than a day after starts_at; a window that repeats lasts a day at most"))
	}
	if _, err := time.LoadLocation(w.Repeat.Timezone); err != nil {
		return fault.Param("repeat.timezone", fmt.Errorf("%q is not a name like Europe/Berlin", w.Repeat.Timezone))
	}
	for _, name := range w.Repeat.Weekdays {
		if _, ok := weekday(name); !ok {
			return fault.Param("repeat.weekdays", fmt.Errorf("%q is not a day like monday", name))
		}
	}
	if _, _, ok := w.plan().next(now, time.Time{}); !ok {
		return fault.Param("repeat.until", errors.New("it never occurs"))
	}
	return nil
}

func weekday(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d, true
		}
	}
	return 0, false
}

// plan is when a window occurs, as the annotation of its silences has it.
type plan struct {
	First    time.Time     `json:"first"`
	Length   time.Duration `json:"length"` // ns
	Weekdays []string      `json:"weekdays,omitempty"`
	Timezone string        `json:"timezone,omitempty"`
	Until    *time.Time    `json:"until,omitempty"`
}

func (w *Window) plan() plan {
	return plan{w.StartsAt, w.EndsAt.Sub(w.StartsAt), w.Repeat.Weekdays, w.Repeat.Timezone, w.Repeat.Until}
}

// next is the first occurrence that begins after a time and ends after now. Days
// on which the clock skips its beginning begin when the clock has skipped.
func (p plan) next(now, after time.Time) (start, end time.Time, ok bool) {
	loc, err := time.LoadLocation(p.Timezone)
	if err != nil {
		return start, end, false // it was checked, and the zone is gone since
	}
	first := p.First.In(loc)
	from := first
	if d := now.Add(-p.Length).In(loc); d.After(from) {
		from = d
	}
	if d := after.In(loc); d.After(from) {
		from = d
	}
	year, month, day := from.AddDate(0, 0, -1).Date()
	for i := range 10 { // a week, and a day before and after
		start = time.Date(year, month, day+i, first.Hour(), first.Minute(), first.Second(), first.Nanosecond(), loc)
		end = start.Add(p.Length)
		switch {
		case p.Until != nil && !start.Before(*p.Until):
			return start, end, false
		case start.Before(p.First), !start.After(after), !end.After(now), !p.on(start.Weekday()):
			continue
		}
		return start.UTC(), end.UTC(), true
	}
	return start, end, false
}

func (p plan) on(d time.Weekday) bool {
	return len(p.Weekdays) == 0 || slices.ContainsFunc(p.Weekdays, func(name string) bool {
		known, ok := weekday(name)
		return ok && known == d
	})
}
