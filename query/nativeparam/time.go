package nativeparam

import (
	"errors"
	"net/url"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
)

// Window is a span of time, [Start,End).
type Window struct{ Start, End time.Time }

// WindowOf reads start and end; end defaults to now, start to an hour
// before end.
func WindowOf(form url.Values, now time.Time) (Window, error) {
	var w Window
	var err error
	if w.End, err = fault.Optional(form, "end", now, timetext.Time); err != nil {
		return w, err
	}
	if w.Start, err = fault.Optional(form, "start", w.End.Add(-time.Hour), timetext.Time); err != nil {
		return w, err
	}
	if w.End.Before(w.Start) {
		return w, fault.Param("end", errors.New("is before start"))
	}
	return w, nil
}
