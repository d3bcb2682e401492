package otlp

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/joint"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
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
	build  build // of JSON, all as one
	answer func(r ingest.Result, enc encoding) ([]byte, error)
}

// build makes columns of the bodies of requests.
type build func(p *ingest.Pipeline, t tenant.ID, bodies [][]byte) (*ingest.Built, error)

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
		build: func(p *ingest.Pipeline, t tenant.ID, bodies [][]byte) (*ingest.Built, error) {
			all := plogotlp.NewExportRequest()
			for _, body := range bodies {
				req := plogotlp.NewExportRequest()
				if err := unmarshal(req, body); err != nil {
					return nil, err
				}
				req.Logs().ResourceLogs().MoveAndAppendTo(all.Logs().ResourceLogs())
			}
			return otlpdata.Logs(p, t, all.Logs())
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
		build: func(p *ingest.Pipeline, t tenant.ID, bodies [][]byte) (*ingest.Built, error) {
			all := pmetricotlp.NewExportRequest()
			for _, body := range bodies {
				req := pmetricotlp.NewExportRequest()
				if err := unmarshal(req, body); err != nil {
					return nil, err
				}
				req.Metrics().ResourceMetrics().MoveAndAppendTo(all.Metrics().ResourceMetrics())
			}
			return otlpdata.Metrics(p, t, all.Metrics())
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
		build: func(p *ingest.Pipeline, t tenant.ID, bodies [][]byte) (*ingest.Built, error) {
			all := ptraceotlp.NewExportRequest()
			for _, body := range bodies {
				req := ptraceotlp.NewExportRequest()
				if err := unmarshal(req, body); err != nil {
					return nil, err
				}
				req.Traces().ResourceSpans().MoveAndAppendTo(all.Traces().ResourceSpans())
			}
			return otlpdata.Traces(p, t, all.Traces())
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
	requests *joint.Door[kind, struct{}]
}

// kind is of which requests one can be made.
type kind struct {
	tenant tenant.ID
	signal ingest.Signal
	enc    encoding
}

func openDoor(p *ingest.Pipeline) *door {
	d := &door{pipeline: p, decoder: otlpwire.NewDecoder(p)}
	builds := map[ingest.Signal]build{}
	for _, s := range []signal{logsSignal(), metricsSignal(), tracesSignal()} {
		builds[s.name] = s.build
	}
	d.requests = joint.NewDoor(p, func(k kind, bodies [][]byte, adm *ingest.Admission) (built *ingest.Built, none []struct{}, err error) {
		if k.enc == protobuf {
			built, err = d.read(k.signal, k.tenant, concat(bodies), adm)
		} else {
			built, err = d.readJSON(builds[k.signal], k.tenant, bodies, adm)
		}
		return built, make([]struct{}, len(bodies)), err
	}, func(k kind, body []byte) bool { return k.enc == jsonText || otlpwire.Complete(body) })
	return d
}

// concat makes protobuf requests one: messages that follow each other are the
// message that has all of their fields.
func concat(bodies [][]byte) []byte {
	if len(bodies) == 1 {
		return bodies[0]
	}
	return slices.Concat(bodies...)
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

// readJSON makes columns of JSON bodies, by way of pdata.
func (d *door) readJSON(build build, t tenant.ID, bodies [][]byte, adm *ingest.Admission) (*ingest.Built, error) {
	for _, body := range bodies {
		size, err := checkJSON(body)
		if err == nil {
			err = adm.Grow(int64(size.objects) * objectBytes)
		}
		if err != nil {
			return nil, err
		}
	}
	return build(d.pipeline, t, bodies)
}

// take reads a body, see joint.Door's Open.
func (d *door) take(s *signal, t tenant.ID, body []byte, enc encoding, adm *ingest.Admission) (take, error) {
	d.pipeline.Arrived(t, len(body))
	store, err := d.requests.Open(kind{t, s.name, enc}, ingest.RequestKey(t, s.name, body), body, adm)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (ingest.Result, error) {
		result, _, err := store(ctx)
		return result, err
	}, nil
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
