package otlp

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// encoding is how a request and its answer are written.
type encoding uint8

const (
	protobuf encoding = iota
	jsonText
)

// signal is what a door does for one kind of telemetry: decode checks and
// decodes a body and returns the call that takes it in.
type signal struct {
	name    ingest.Signal
	message *message
	decode  func(p *ingest.Pipeline, body []byte, enc encoding) (take, error)
	answer  func(r ingest.Result, enc encoding) ([]byte, error)
}

// take hands a decoded request to the pipeline. It is called once: the
// decoded telemetry can be collected as soon as the columns are built.
type take func(ctx context.Context, t tenant.ID, adm *ingest.Admission) (ingest.Result, error)

// request is what the three pdata request types have in common.
type request interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

// response is what the three pdata response types have in common.
type response interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

func logsSignal() signal {
	return signal{
		name: ingest.Logs, message: messages.logs,
		decode: func(p *ingest.Pipeline, body []byte, enc encoding) (take, error) {
			req := plogotlp.NewExportRequest()
			if err := unmarshal(req, body, enc); err != nil {
				return nil, err
			}
			return func(ctx context.Context, t tenant.ID, adm *ingest.Admission) (ingest.Result, error) {
				return p.Logs(ctx, t, req.Logs(), adm)
			}, nil
		},
		answer: func(r ingest.Result, enc encoding) ([]byte, error) {
			resp := plogotlp.NewExportResponse()
			if msg := r.Message(); msg != "" {
				resp.PartialSuccess().SetRejectedLogRecords(int64(r.Rejected))
				resp.PartialSuccess().SetErrorMessage(msg)
			}
			return marshal(resp, r, enc)
		},
	}
}

func metricsSignal() signal {
	return signal{
		name: ingest.Metrics, message: messages.metrics,
		decode: func(p *ingest.Pipeline, body []byte, enc encoding) (take, error) {
			req := pmetricotlp.NewExportRequest()
			if err := unmarshal(req, body, enc); err != nil {
				return nil, err
			}
			return func(ctx context.Context, t tenant.ID, adm *ingest.Admission) (ingest.Result, error) {
				return p.Metrics(ctx, t, req.Metrics(), adm)
			}, nil
		},
		answer: func(r ingest.Result, enc encoding) ([]byte, error) {
			resp := pmetricotlp.NewExportResponse()
			if msg := r.Message(); msg != "" {
				resp.PartialSuccess().SetRejectedDataPoints(int64(r.Rejected))
				resp.PartialSuccess().SetErrorMessage(msg)
			}
			return marshal(resp, r, enc)
		},
	}
}

func tracesSignal() signal {
	return signal{
		name: ingest.Traces, message: messages.traces,
		decode: func(p *ingest.Pipeline, body []byte, enc encoding) (take, error) {
			req := ptraceotlp.NewExportRequest()
			if err := unmarshal(req, body, enc); err != nil {
				return nil, err
			}
			return func(ctx context.Context, t tenant.ID, adm *ingest.Admission) (ingest.Result, error) {
				return p.Traces(ctx, t, req.Traces(), adm)
			}, nil
		},
		answer: func(r ingest.Result, enc encoding) ([]byte, error) {
			resp := ptraceotlp.NewExportResponse()
			if msg := r.Message(); msg != "" {
				resp.PartialSuccess().SetRejectedSpans(int64(r.Rejected))
				resp.PartialSuccess().SetErrorMessage(msg)
			}
			return marshal(resp, r, enc)
		},
	}
}

// check walks the body before anything is built from it, and charges adm for
// what decoding will build.
func (s *signal) check(body []byte, enc encoding, limits ingest.Limits, adm *ingest.Admission) error {
	var (
		n   size
		err error
	)
	if enc == jsonText {
		n, err = checkJSON(body)
	} else {
		n, err = checkProto(body, s.message)
	}
	if err != nil {
		return err
	}
	if n.records > limits.Records {
		return &ingest.TooLargeError{What: "request", Unit: "records", Limit: int64(limits.Records), Got: int64(n.records)}
	}
	return adm.Grow(int64(n.objects) * objectBytes)
}

func unmarshal(req request, body []byte, enc encoding) error {
	if enc == jsonText {
		if err := req.UnmarshalJSON(body); err != nil {
			return jsonError(body, err)
		}
		return nil
	}
	if err := req.UnmarshalProto(body); err != nil {
		return &MalformedError{Format: "protobuf", Offset: -1, Err: err}
	}
	return nil
}

// marshal writes an answer. pdata always writes an empty partial_success,
// which the specification wants left out on full success; such an answer is
// the empty message.
func marshal(resp response, r ingest.Result, enc encoding) ([]byte, error) {
	full := r.Message() == ""
	switch {
	case full && enc == jsonText:
		return []byte("{}"), nil
	case full:
		return nil, nil
	case enc == jsonText:
		return resp.MarshalJSON()
	default:
		return resp.MarshalProto()
	}
}
