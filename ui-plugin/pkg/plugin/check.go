package plugin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// checked is what the editor is told of a query: its kind, or what is wrong and
// where, counted from 1.
type checked struct {
	Kind    string `json:"kind,omitempty"`
	Message string `json:"message,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
}

// maxCheckBytes bounds what an editor sends to be checked.
const maxCheckBytes = 1 << 20

// check reads a query as it stands in the editor without running it. A mistake in
// it is an answer; not being able to tell is an error.
func (d *Datasource) check(w http.ResponseWriter, r *http.Request) {
	if d.broken != nil {
		refuse(w, d.broken)
		return
	}
	var asked struct {
		Language string `json:"language"`
		Query    string `json:"query"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCheckBytes)).Decode(&asked); err != nil {
		refuse(w, invalid("the query cannot be read: %v", err))
		return
	}
	kind, err := d.client.Check(r.Context(), asked.Language, placeholders(asked.Query))
	var wrong *trefoilclient.Error
	switch {
	case err == nil:
		respond(w, http.StatusOK, checked{Kind: kind})
	case errors.As(err, &wrong) && wrong.Class == trefoilclient.BadRequest:
		message := wrong.Message
		if wrong.Bare != "" {
			message = wrong.Bare
		}
		respond(w, http.StatusOK, checked{Message: strings.TrimPrefix(message, "parse error: "), Line: wrong.Line, Column: wrong.Column})
	default:
		refuse(w, err)
	}
}

// placeholders puts a minute in the place of each of Grafana's macros, filled up
// with zeros to its length so that the place of a mistake stays.
func placeholders(query string) string {
	return macro.ReplaceAllStringFunc(query, func(m string) string {
		name := strings.Trim(m, "${}_")
		if strings.HasSuffix(name, "_s") || strings.HasSuffix(name, "_ms") {
			return strings.Repeat("0", len(m)-1) + "1"
		}
		return strings.Repeat("0", len(m)-2) + "1m"
	})
}
