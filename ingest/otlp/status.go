package otlp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// mediaError is a request in a form this door does not read.
type mediaError struct {
	header, got, want string
}

func (e *mediaError) Error() string {
	if e.got == "" {
		return e.header + " is missing, want " + e.want
	}
	return e.header + " " + e.got + " is not supported, want " + e.want
}

// verdict is an error as both transports tell it.
type verdict struct {
	http       int
	code       codes.Code
	reason     string // the metrics label
	retryAfter time.Duration
	details    []protoadapt.MessageV1
}

// judge decides how err is told to the client.
func judge(err error) verdict {
	var (
		malformed *ingest.MalformedError
		media     *mediaError
		large     *ingest.TooLargeError
		refusal   *ingest.Refusal
	)
	switch {
	case errors.As(err, &malformed):
		return verdict{
			http: http.StatusBadRequest, code: codes.InvalidArgument, reason: "malformed",
			details: []protoadapt.MessageV1{&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
				{Field: malformed.Path, Description: malformed.Error()},
			}}},
		}
	case errors.As(err, &media):
		return verdict{http: http.StatusUnsupportedMediaType, code: codes.InvalidArgument, reason: "unsupported_media_type"}
	case errors.As(err, &large):
		return verdict{http: http.StatusRequestEntityTooLarge, code: codes.ResourceExhausted, reason: "too_large"}
	case errors.As(err, &refusal):
		v := verdict{
			http: http.StatusServiceUnavailable, code: codes.Unavailable,
			reason: string(refusal.Reason), retryAfter: refusal.RetryAfter,
			details: []protoadapt.MessageV1{&errdetails.RetryInfo{RetryDelay: durationpb.New(refusal.RetryAfter)}},
		}
		if refusal.Overload() {
			v.http, v.code = http.StatusTooManyRequests, codes.ResourceExhausted
		}
		return v
	case errors.Is(err, context.Canceled):
		return verdict{http: http.StatusRequestTimeout, code: codes.Canceled, reason: "canceled"}
	case conn.ClassOf(err) == conn.Rejected:
		return verdict{http: http.StatusInternalServerError, code: codes.Internal, reason: "rejected_by_storage"}
	case errors.Is(err, errBody):
		return verdict{http: http.StatusBadRequest, code: codes.InvalidArgument, reason: "body_not_read"}
	default:
		return verdict{http: http.StatusInternalServerError, code: codes.Internal, reason: "internal"}
	}
}

// status is the google.rpc.Status of err.
func (v verdict) status(err error) *status.Status {
	st := status.New(v.code, err.Error())
	if len(v.details) == 0 {
		return st
	}
	// WithDetails fails only for an OK code and for messages that do not marshal.
	if detailed, e := st.WithDetails(v.details...); e == nil {
		return detailed
	}
	return st
}
