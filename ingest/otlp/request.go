package otlp

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpwire"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// encoding is how a request and its answer are written.
type encoding uint8

const (
	protobuf encoding = iota
	jsonText
)

// signal is what a door does for one kind of telemetry.
type signal struct {
	name   ingest.Signal
	read   func(d *otlpwire.Decoder, t tenant.ID, body []byte, adm *ingest.Admission) (*ingest.Built, error)
	decode func(body []byte) (walk, error) // of JSON
	answer func(r ingest.Result, enc encoding) ([]byte, error)
}

// walk hands decoded telemetry to the pipeline.
type walk func(ctx context.Context, p *ingest.Pipeline, t tenant.ID, adm *ingest.Admission) (ingest.Result, error)

// take takes a request in whose body has been read and is no longer needed. It
// is called once.
type take func(ctx context.Context) (ingest.Result, error)

// request is what the three pdata request types have in common.
type request interface {
	UnmarshalJSON([]byte) error
}

// response is what the three pdata response types have in common.
type response interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

func logsSignal() signal {
	return signal{
		name: ingest.Logs,
		read: (*otlpwire.Decoder).Logs,
		decode: func(body []byte) (walk, error) {
			req := plogotlp.NewExportRequest()
			if err := unmarshal(req, body); err != nil {
				return nil, err
			}
			return func(ctx context.Context, p *ingest.Pipeline, t tenant.ID, adm *ingest.Admission) (ingest.Result, error) {
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
		name: ingest.Metrics,
		read: (*otlpwire.Decoder).Metrics,
		decode: func(body []byte) (walk, error) {
			req := pmetricotlp.NewExportRequest()
			if err := unmarshal(req, body); err != nil {
				return nil, err
			}
			return func(ctx context.Context, p *ingest.Pipeline, t tenant.ID, adm *ingest.Admission) (ingest.Result, error) {
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
		name: ingest.Traces,
		read: (*otlpwire.Decoder).Traces,
		decode: func(body []byte) (walk, error) {
			req := ptraceotlp.NewExportRequest()
			if err := unmarshal(req, body); err != nil {
				return nil, err
			}
			return func(ctx context.Context, p *ingest.Pipeline, t tenant.ID, adm *ingest.Admission) (ingest.Result, error) {
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

// door is what both transports read requests with.
type door struct {
	pipeline *ingest.Pipeline
	decoder  *otlpwire.Decoder
}

func openDoor(p *ingest.Pipeline) *door {
	return &door{pipeline: p, decoder: otlpwire.NewDecoder(p)}
}

// take reads a body. Protobuf becomes columns at once, which ends the
// request's share of the in-flight budget; JSON becomes pdata.
func (d *door) take(s *signal, t tenant.ID, body []byte, enc encoding, adm *ingest.Admission) (take, error) {
	d.pipeline.Arrived(t, len(body))
	if enc == protobuf {
		built, err := s.read(d.decoder, t, body, adm)
		if err != nil {
			return nil, err
		}
		adm.Release()
		return d.keyed(t, s, body, built.Store), nil
	}
	size, err := checkJSON(body)
	if err != nil {
		return nil, err
	}
	if err := adm.Grow(int64(size.objects) * objectBytes); err != nil {
		return nil, err
	}
	walk, err := s.decode(body)
	if err != nil {
		return nil, err
	}
	return d.keyed(t, s, body, func(ctx context.Context) (ingest.Result, error) {
		return walk(ctx, d.pipeline, t, adm)
	}), nil
}

// keyed gives a request its identity while its body is still there.
func (d *door) keyed(t tenant.ID, s *signal, body []byte, next take) take {
	key := ingest.RequestKey(t, s.name, body)
	return func(ctx context.Context) (ingest.Result, error) { return next(ingest.WithRequestKey(ctx, key)) }
}

func unmarshal(req request, body []byte) error {
	if err := req.UnmarshalJSON(body); err != nil {
		return jsonError(body, err)
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
