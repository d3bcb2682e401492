package otlp

import (
	"errors"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
)

// verdict is an error as both transports tell it.
type verdict struct {
	httpdoor.Verdict
	code    codes.Code
	details []protoadapt.MessageV1
}

// judge decides how err is told to the client.
func judge(err error) verdict {
	var (
		malformed *ingest.MalformedError
		refusal   *ingest.Refusal
	)
	v := verdict{Verdict: httpdoor.Judge(err), code: codes.Internal}
	switch v.Status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		v.code = codes.InvalidArgument
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		v.code = codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		v.code = codes.Unavailable
	case http.StatusRequestTimeout:
		v.code = codes.Canceled
	}
	switch {
	case errors.As(err, &malformed):
		v.details = []protoadapt.MessageV1{&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: malformed.Path, Description: malformed.Error()},
		}}}
	case errors.As(err, &refusal):
		v.details = []protoadapt.MessageV1{&errdetails.RetryInfo{RetryDelay: durationpb.New(refusal.RetryAfter)}}
	}
	return v
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
