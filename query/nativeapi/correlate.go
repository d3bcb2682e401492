package nativeapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/timetext"
)

// anchorRequest is the body of POST /api/v1/correlate: one of its anchors.
type anchorRequest struct {
	Span     *spanAnchor         `json:"span"`
	Log      *eventAnchor        `json:"log"`
	Exemplar *eventAnchor        `json:"exemplar"`
	Alert    *labelsAnchor       `json:"alert"`
	Series   *labelsAnchor       `json:"series"`
	Around   *nativeparam.Scalar `json:"around"`
}

type spanAnchor struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
}

type eventAnchor struct {
	spanAnchor
	labelsAnchor
}

type labelsAnchor struct {
	Labels map[string]string   `json:"labels"`
	At     *nativeparam.Scalar `json:"at"`
}

func (q *anchorRequest) anchor() (correlate.Anchor, error) {
	var a correlate.Anchor
	given := 0
	var err error
	use := func(kind string, s *spanAnchor, l *labelsAnchor) {
		given++
		a.Kind = kind
		if s != nil && s.TraceID != "" && err == nil {
			var id [16]byte
			if id, err = nativeparam.TraceID(s.TraceID); err == nil {
				a.TraceID = &id
			}
		}
		if s != nil && s.SpanID != "" && err == nil {
			var id [8]byte
			if id, err = nativeparam.SpanID(s.SpanID); err == nil {
				a.SpanID = &id
			}
		}
		if l != nil {
			a.Labels = l.Labels
			if l.At != nil && err == nil {
				a.At, err = timetext.Time(string(*l.At))
			}
		}
	}
	if q.Span != nil {
		use("span", q.Span, nil)
	}
	if q.Log != nil {
		use("log", &q.Log.spanAnchor, &q.Log.labelsAnchor)
	}
	if q.Exemplar != nil {
		use("exemplar", &q.Exemplar.spanAnchor, &q.Exemplar.labelsAnchor)
	}
	if q.Alert != nil {
		use("alert", nil, q.Alert)
	}
	if q.Series != nil {
		use("series", nil, q.Series)
	}
	if err == nil && given != 1 {
		err = errors.New("want one of span, log, exemplar, alert and series")
	}
	if err == nil && q.Around != nil {
		a.Around, err = timetext.Positive(string(*q.Around))
	}
	if err != nil {
		return a, fault.Param("anchor", err)
	}
	return a, nil
}

// correlate answers what goes with something and what changed around it.
func (a *api) correlate(w http.ResponseWriter, r *http.Request) error {
	if _, err := nativeparam.Form(r); err != nil {
		return err
	}
	var req anchorRequest
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, nativeparam.MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return nativeparam.BodyError(err)
	}
	anchor, err := req.anchor()
	if err != nil {
		return err
	}
	rel, err := a.Correlator.Correlate(r.Context(), tenantOf(r), anchor)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.RelatedOf(anchor.Kind, rel))
	return nil
}
