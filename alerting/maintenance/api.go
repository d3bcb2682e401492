package maintenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// Path is where Handler is mounted.
const Path = "/api/v1/maintenance"

// Handler answers GET and POST under Path and DELETE of a window below it. fail
// answers errors in the API's shape.
func (k *Keeper) Handler(fail func(http.ResponseWriter, *fault.Error)) http.Handler {
	mux := http.NewServeMux()
	serve := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := f(r)
			if err != nil {
				fail(w, fault.Of(err))
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	serve("GET "+Path, func(r *http.Request) (any, error) {
		list, err := k.List(r.Context())
		return map[string]any{"windows": list}, err
	})
	serve("POST "+Path, func(r *http.Request) (any, error) {
		w, err := decode(r)
		if err != nil {
			return nil, err
		}
		return k.Create(r.Context(), w)
	})
	serve("DELETE "+Path+"/{id}", func(r *http.Request) (any, error) { return k.End(r.Context(), r.PathValue("id")) })
	return mux
}

func decode(r *http.Request) (w Window, err error) {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	err = d.Decode(&w)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return w, &fault.Error{Code: fault.Limit, Limit: "max_body", Err: err, Message: fmt.Sprintf("request body is larger than %d bytes", tooLarge.Limit)}
	}
	if err == nil && d.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return w, &fault.Error{Code: fault.BadQuery, Message: "request body: " + err.Error(), Err: err}
	}
	return w, nil
}
