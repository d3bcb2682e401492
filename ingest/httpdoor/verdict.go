package httpdoor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// MediaError is a request in a form a door does not read.
type MediaError struct {
	Header, Got, Want string
}

func (e *MediaError) Error() string {
	if e.Got == "" {
		return e.Header + " is missing, want " + e.Want
	}
	return e.Header + " " + strconv.Quote(e.Got) + " is not supported, want " + e.Want
}

// RejectedError means: some records are invalid and were not stored, the
// others were. Sending them again will not help.
type RejectedError struct {
	Signal ingest.Signal
	Result ingest.Result
	First  string // which series or stream the first of them belongs to
}

func (e *RejectedError) Error() string {
	n := e.Result.Accepted + e.Result.Rejected
	return fmt.Sprintf("%d of %d records not stored, the first of %s: %s", e.Result.Rejected, n, e.First, e.Result.Message())
}

// Verdict is how an error is told.
type Verdict struct {
	Status     int
	Reason     string // the metrics label; empty when no whole request was refused
	RetryAfter time.Duration
}

// Judge decides how err is told to the client.
func Judge(err error) Verdict {
	var (
		malformed *ingest.MalformedError
		media     *MediaError
		large     *ingest.TooLargeError
		refusal   *ingest.Refusal
		rejected  *RejectedError
	)
	switch {
	case errors.As(err, &rejected):
		return Verdict{Status: http.StatusBadRequest}
	case errors.As(err, &malformed):
		return Verdict{Status: http.StatusBadRequest, Reason: "malformed"}
	case errors.As(err, &media):
		return Verdict{Status: http.StatusUnsupportedMediaType, Reason: "unsupported_media_type"}
	case errors.As(err, &large):
		return Verdict{Status: http.StatusRequestEntityTooLarge, Reason: "too_large"}
	case errors.As(err, &refusal):
		v := Verdict{Status: http.StatusServiceUnavailable, Reason: string(refusal.Reason), RetryAfter: refusal.RetryAfter}
		if refusal.Overload() {
			v.Status = http.StatusTooManyRequests
		}
		return v
	case errors.Is(err, context.Canceled):
		return Verdict{Status: http.StatusRequestTimeout, Reason: "canceled"}
	case conn.ClassOf(err) == conn.Rejected:
		return Verdict{Status: http.StatusInternalServerError, Reason: "rejected_by_storage"}
	case errors.Is(err, ErrBody):
		return Verdict{Status: http.StatusBadRequest, Reason: "body_not_read"}
	default:
		return Verdict{Status: http.StatusInternalServerError, Reason: "internal"}
	}
}

// Write answers with err as text.
func (v Verdict) Write(w http.ResponseWriter, err error) {
	v.SetRetryAfter(w.Header())
	http.Error(w, err.Error(), v.Status)
}

// SetRetryAfter says when to come again, if that is known.
func (v Verdict) SetRetryAfter(h http.Header) {
	if v.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(v.RetryAfter.Seconds())))))
	}
}

// PostOnly answers requests of other methods and says whether r is a POST.
func PostOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodPost {
		return true
	}
	w.Header().Set("Allow", http.MethodPost)
	http.Error(w, "method "+r.Method+" is not allowed, want POST", http.StatusMethodNotAllowed)
	return false
}

// Recovered, deferred, turns a panic into an error of this request.
func Recovered(logger *slog.Logger, door string, err *error) {
	if v := recover(); v != nil {
		logger.LogAttrs(context.Background(), slog.LevelError, "ingest: "+door+": request panicked",
			slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		*err = fmt.Errorf("internal error: %v", v)
	}
}
