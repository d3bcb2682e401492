package lokipush

import (
	"log/slog"
	"mime"
	"net/http"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
	"github.com/trefoil-o11y/trefoil/ingest/joint"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// NewHandler serves push requests under any path. The tenant comes from the
// request's context.
func NewHandler(p *ingest.Pipeline, logger *slog.Logger) http.Handler {
	h := &handler{pipeline: p, logger: logger, bodies: &httpdoor.Bodies{Limits: p.Limits()}}
	h.door = joint.NewDoor(p, func(k kind, bodies [][]byte, adm *ingest.Admission) (*ingest.Built, []string, error) {
		return decode(p, k.tenant, k.form, bodies, adm)
	}, nil)
	return h
}

// form is how a request is written.
type form uint8

const (
	asProtobuf form = iota
	asJSON
)

// kind is of which requests one can be made.
type kind struct {
	tenant tenant.ID
	form   form
}

type handler struct {
	pipeline *ingest.Pipeline
	logger   *slog.Logger
	bodies   *httpdoor.Bodies
	door     *joint.Door[kind, string] // answers with the stream of the first record that was rejected
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !httpdoor.PostOnly(w, r) {
		return
	}
	adm := h.pipeline.Admit()
	defer adm.Release()
	if err := h.serve(w, r, adm); err != nil {
		v := httpdoor.Judge(err)
		if v.Reason != "" {
			h.pipeline.Refused(ingest.Logs, v.Reason)
		}
		v.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// serve takes one request in. A panic below it is an internal error of this
// request, not of the process.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, adm *ingest.Admission) (err error) {
	defer httpdoor.Recovered(h.logger, "lokipush", &err)
	read, compression, err := formOf(r)
	if err != nil {
		return err
	}
	t := tenant.FromContext(r.Context())
	if err := h.pipeline.Ready(t, min(max(0, r.ContentLength), h.bodies.Limits.RequestBytes)); err != nil {
		return err
	}
	body, err := h.bodies.Read(w, r, compression, adm)
	if err != nil {
		return err
	}
	h.pipeline.Arrived(t, len(body))
	store, err := h.door.Open(kind{t, read}, ingest.RequestKey(t, ingest.Logs, body), body, adm)
	h.bodies.Put(body)
	if err != nil {
		return err
	}
	result, rejected, err := store(r.Context())
	if err == nil && result.Rejected > 0 {
		err = &httpdoor.RejectedError{Signal: ingest.Logs, Result: result, First: rejected}
	}
	return err
}

// formOf says how to read the request. Protobuf, which is what a client that does
// not say sends, comes as one snappy block.
func formOf(r *http.Request) (read form, compression string, err error) {
	sent := r.Header.Get("Content-Type")
	media := protobufType
	if sent != "" {
		if media, _, err = mime.ParseMediaType(sent); err != nil {
			media = sent
		}
	}
	want := ""
	switch media {
	case protobufType:
		read, compression = asProtobuf, httpdoor.Compression(r, httpdoor.Snappy)
		if compression != httpdoor.Snappy {
			want = "snappy"
		}
	case jsonType:
		read, compression = asJSON, httpdoor.Compression(r, httpdoor.Identity)
		if compression != httpdoor.Identity && compression != httpdoor.Gzip {
			want = "gzip or identity"
		}
	default:
		return 0, "", &httpdoor.MediaError{Header: "Content-Type", Got: sent, Want: protobufType + " or " + jsonType}
	}
	if want != "" {
		return 0, "", &httpdoor.MediaError{Header: "Content-Encoding", Got: r.Header.Get("Content-Encoding"), Want: want}
	}
	return read, compression, nil
}
