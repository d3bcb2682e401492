package otlp

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/joint"
	"github.com/trefoil-o11y/trefoil/ingest/otlpwire"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
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
	small    joint.Queue[kind]
}

// kind is of which requests one can be made.
type kind struct {
	tenant tenant.ID
	signal ingest.Signal
}

func openDoor(p *ingest.Pipeline) *door {
	d := &door{pipeline: p, decoder: otlpwire.NewDecoder(p)}
	d.small.Store = d.together
	return d
}

// read makes columns of a protobuf body.
func (d *door) read(s ingest.Signal, t tenant.ID, body []byte, adm *ingest.Admission) (*ingest.Built, error) {
	switch s {
	case ingest.Logs:
		return d.decoder.Logs(t, body, adm)
	case ingest.Traces:
		return d.decoder.Traces(t, body, adm)
	}
	return d.decoder.Metrics(t, body, adm)
}

// together stores protobuf requests as one: messages that follow each other are
// the message that has all of their fields. An answer to one of them would be an
// answer to all, so nothing may be wrong with any.
func (d *door) together(g *joint.Group[kind]) error {
	adm := d.pipeline.Admit()
	defer adm.Release()
	body := slices.Concat(g.Bodies...)
	if adm.Grow(int64(len(body))) != nil {
		return joint.ErrSeparate
	}
	built, err := d.read(g.Kind.signal, g.Kind.tenant, body, adm)
	if err != nil || !built.Whole() {
		return joint.ErrSeparate
	}
	adm.Release()
	_, err = built.Store(ingest.WithRequestKeys(context.Background(), g.Keys)) // it has a time of its own
	if errors.Is(err, wal.ErrRepeated) {
		return joint.ErrSeparate
	}
	return err
}

// join takes a small protobuf request in, with others if it has company. The body
// may be used again when the result is called.
func (d *door) join(s *signal, t tenant.ID, body []byte, adm *ingest.Admission) take {
	body = slices.Clone(body)
	key := ingest.RequestKey(t, s.name, body)
	return func(ctx context.Context) (result ingest.Result, err error) {
		waiting, cancel := context.WithTimeout(ctx, d.pipeline.Patience(ctx))
		defer cancel()
		err = d.small.Do(waiting, kind{t, s.name}, key, body, func() error {
			built, err := d.read(s.name, t, body, adm)
			if err != nil {
				return err
			}
			adm.Release()
			result, err = built.Store(ingest.WithRequestKey(ctx, key))
			return err
		})
		if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = &ingest.Refusal{Reason: ingest.RefusedUnavailable, RetryAfter: time.Second, Err: err}
		}
		return result, err
	}
}

// take reads a body. Protobuf becomes columns at once, which ends the
// request's share of the in-flight budget, unless it is small (see join); JSON
// becomes pdata.
func (d *door) take(s *signal, t tenant.ID, body []byte, enc encoding, adm *ingest.Admission) (take, error) {
	d.pipeline.Arrived(t, len(body))
	if enc == protobuf && len(body) <= joint.MaxBody && otlpwire.Complete(body) {
		return d.join(s, t, body, adm), nil
	}
	if enc == protobuf {
		built, err := d.read(s.name, t, body, adm)
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
