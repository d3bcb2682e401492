package nativeparam

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// Limit reads a number of results between 1 and most.
func Limit(form url.Values, otherwise, most int) (int, error) {
	s := form.Get("limit")
	if s == "" {
		return min(otherwise, most), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fault.Param("limit", fmt.Errorf("%q is not a positive number", s))
	}
	if n > most {
		return 0, &fault.Error{Code: fault.Limit, Param: "limit", Limit: "max_results",
			Message: fmt.Sprintf("%d is more than the %d one answer may hold; page with cursor", n, most)}
	}
	return n, nil
}

// Form reads a query string, strictly: a parameter that is not known is
// an error, since leaving out a misspelt filter would answer another question.
func Form(r *http.Request, known ...string) (url.Values, error) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &fault.Error{Code: fault.BadQuery, Message: "query string: " + err.Error(), Err: err}
	}
	for name, values := range form {
		repeatable := false
		found := false
		for _, k := range known {
			if k, many := strings.CutSuffix(k, "*"); k == name {
				found, repeatable = true, many
			}
		}
		if !found {
			return nil, &fault.Error{Code: fault.BadQuery, Param: name, Message: "is not known here"}
		}
		if len(values) > 1 && !repeatable {
			return nil, &fault.Error{Code: fault.BadQuery, Param: name, Message: "is given more than once"}
		}
	}
	return form, nil
}
