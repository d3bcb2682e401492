package plugin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// resourceRoutes serves JSON arrays of names to the editor:
//
//	GET labels?signal=&start=&end=                label or attribute keys
//	GET label-values?name=&signal=&start=&end=…   values of one of them
//	GET metrics?start=&end=                       metric names
//	     …&match=                                 of what this selects, in the signal's language
//	GET services?start=&end=                      service names
//	POST check {"language":,"query":}             what is wrong with a query, see checked
//
// start and end are Unix milliseconds, as Grafana's time ranges are.
func (d *Datasource) resourceRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /labels", d.names(func(r *http.Request, q trefoilclient.NameQuery) ([]string, error) {
		return d.client.LabelNames(r.Context(), q)
	}))
	mux.HandleFunc("GET /label-values", d.names(func(r *http.Request, q trefoilclient.NameQuery) ([]string, error) {
		name := r.URL.Query().Get("name")
		if name == "" {
			return nil, invalid("label-values: name is missing")
		}
		return d.client.LabelValues(r.Context(), name, q)
	}))
	mux.HandleFunc("GET /metrics", d.names(func(r *http.Request, q trefoilclient.NameQuery) ([]string, error) {
		q.Signal = "metrics"
		return d.client.LabelValues(r.Context(), "__name__", q)
	}))
	mux.HandleFunc("POST /check", d.check)
	mux.HandleFunc("GET /services", d.names(func(r *http.Request, q trefoilclient.NameQuery) ([]string, error) {
		return d.client.Services(r.Context(), q)
	}))
	return mux
}

func (d *Datasource) names(list func(*http.Request, trefoilclient.NameQuery) ([]string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if d.broken != nil {
			refuse(w, d.broken)
			return
		}
		q, err := nameQuery(r)
		if err != nil {
			refuse(w, err)
			return
		}
		load := func() ([]string, error) { return list(r, q) }
		var names []string
		if d.settings.ForwardAuth { // each user may see other names
			names, err = load()
		} else {
			names, err = d.cached.get(cacheKey(r.URL), load)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		if names == nil {
			names = []string{}
		}
		respond(w, http.StatusOK, names)
	}
}

// cacheKey is a look-up with its times in whole minutes: a range that ends now
// moves at every call.
func cacheKey(u *url.URL) string {
	v := u.Query()
	for _, name := range []string{"start", "end"} {
		if ms, err := strconv.ParseInt(v.Get(name), 10, 64); err == nil {
			v.Set(name, strconv.FormatInt(ms/60_000, 10))
		}
	}
	return u.Path + "?" + v.Encode()
}

func nameQuery(r *http.Request) (trefoilclient.NameQuery, error) {
	v := r.URL.Query()
	q := trefoilclient.NameQuery{Signal: v.Get("signal"), Match: v.Get("match")}
	switch q.Signal {
	case "", "metrics", "logs", "traces":
	default:
		return q, invalid("signal %q is none of metrics, logs and traces", q.Signal)
	}
	for key, into := range map[string]*time.Time{"start": &q.Start, "end": &q.End} {
		if text := v.Get(key); text != "" {
			ms, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return q, invalid("%s %q is not a time in Unix milliseconds", key, text)
			}
			*into = time.UnixMilli(ms)
		}
	}
	return q, nil
}

// refuse answers in the form Grafana's front end reads a message from.
func refuse(w http.ResponseWriter, err error) {
	respond(w, statusOf(err), map[string]string{"message": err.Error()})
}

func respond(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, fmt.Appendf(nil, `{"message":%q}`, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // Grafana having gone away is nobody's error
}
