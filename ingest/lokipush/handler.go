package lokipush

import (
	"log/slog"
	"mime"
	"net/http"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// NewHandler serves push requests under any path. The tenant comes from the
// request's context.
func NewHandler(p *ingest.Pipeline, logger *slog.Logger) http.Handler {
	return &handler{pipeline: p, logger: logger, bodies: &httpdoor.Bodies{Limits: p.Limits()}}
}

type handler struct {
	pipeline *ingest.Pipeline
	logger   *slog.Logger
	bodies   *httpdoor.Bodies
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
	read, compression, err := form(r)
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
	key := ingest.RequestKey(t, ingest.Logs, body)
	built, rejected, err := decode(h.pipeline, t, read, body, adm)
	h.bodies.Put(body)
	if err != nil {
		return err
	}
	adm.Release()
	result, err := built.Store(ingest.WithRequestKey(r.Context(), key))
	if err == nil && result.Rejected > 0 {
		err = &httpdoor.RejectedError{Signal: ingest.Logs, Result: result, First: rejected}
	}
	return err
}

// form says how to read the request. Protobuf, which is what a client that does
// not say sends, comes as one snappy block.
func form(r *http.Request) (read func(*reader, []byte), compression string, err error) {
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
		read, compression = (*reader).protobuf, httpdoor.Compression(r, httpdoor.Snappy)
		if compression != httpdoor.Snappy {
			want = "snappy"
		}
	case jsonType:
		read, compression = (*reader).json, httpdoor.Compression(r, httpdoor.Identity)
		if compression != httpdoor.Identity && compression != httpdoor.Gzip {
			want = "gzip or identity"
		}
	default:
		return nil, "", &httpdoor.MediaError{Header: "Content-Type", Got: sent, Want: protobufType + " or " + jsonType}
	}
	if want != "" {
		return nil, "", &httpdoor.MediaError{Header: "Content-Encoding", Got: r.Header.Get("Content-Encoding"), Want: want}
	}
	return read, compression, nil
}
