package nativejson

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// ErrorInfo is a failure.
type ErrorInfo struct {
	Code              string          `json:"code"`
	Message           string          `json:"message"`
	Parameter         string          `json:"parameter,omitempty"`
	Position          *fault.Position `json:"position,omitempty"`
	Limit             string          `json:"limit,omitempty"`
	RetryAfterSeconds int             `json:"retry_after_seconds,omitempty"`
}

// ErrorBody is the answer with a failure.
type ErrorBody struct {
	Error ErrorInfo `json:"error"`
}

// infoOf is the wire form of a failure. A query that does not fit its data is,
// to a client of this API, a bad query; only its status differs.
func infoOf(e *fault.Error) ErrorInfo {
	info := ErrorInfo{Code: string(e.Code), Message: e.Message, Parameter: e.Param, Position: e.Position, Limit: e.Limit}
	if e.Code == fault.Execution {
		info.Code = string(fault.BadQuery)
	}
	if e.Param != "" {
		info.Message = e.Error()
	}
	if e.RetryAfter > 0 {
		info.RetryAfterSeconds = int(math.Ceil(e.RetryAfter.Seconds()))
	}
	return info
}

// WriteError answers with a failure.
func WriteError(w http.ResponseWriter, e *fault.Error) {
	info := infoOf(e)
	if info.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(info.RetryAfterSeconds))
	}
	Write(w, e.Code.Status(), ErrorBody{Error: info})
}

// Write answers with a body of this package's shapes; they always encode.
func Write(w http.ResponseWriter, status int, body any) {
	b, err := encode(body)
	if err != nil {
		status = http.StatusInternalServerError
		b = []byte(`{"error":{"code":"internal","message":"answer cannot be encoded"}}` + "\n")
	}
	begin(w, status)
	w.Write(b)
}

// begin answers up to the body.
func begin(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}

// encode is JSON with a newline behind it. Unlike json.Marshal it leaves <, >
// and & as they are: answers are not put into HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
