package promwrite

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"strconv"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
	"github.com/trefoil-o11y/trefoil/ingest/joint"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// version is one of the messages of the protocol.
type version uint8

const (
	v1 version = 1 // prometheus.WriteRequest
	v2 version = 2 // io.prometheus.write.v2.Request
)

const (
	protobufType = "application/x-protobuf"
	messageV1    = "prometheus.WriteRequest"
	messageV2    = "io.prometheus.write.v2.Request"
)

// Written counts what became durable of a request.
type Written struct{ Samples, Histograms, Exemplars int }

// Headers with the numbers of Written, which senders of version 2 want.
const (
	headerSamples    = "X-Prometheus-Remote-Write-Samples-Written"
	headerHistograms = "X-Prometheus-Remote-Write-Histograms-Written"
	headerExemplars  = "X-Prometheus-Remote-Write-Exemplars-Written"
)

func (n Written) set(h http.Header) {
	h.Set(headerSamples, strconv.Itoa(n.Samples))
	h.Set(headerHistograms, strconv.Itoa(n.Histograms))
	h.Set(headerExemplars, strconv.Itoa(n.Exemplars))
}

// NewHandler serves remote write under any path. The tenant comes from the
// request's context.
func NewHandler(p *ingest.Pipeline, logger *slog.Logger) http.Handler {
	h := &handler{
		pipeline: p, logger: logger,
		bodies:   &httpdoor.Bodies{Limits: p.Limits()},
		families: newFamilies(familyBytes),
	}
	h.door = joint.NewDoor(p, func(k kindOfRequest, bodies [][]byte, adm *ingest.Admission) (*ingest.Built, []taken, error) {
		return decode(p, h.families, k.tenant, k.version, bodies, adm)
	}, nil)
	return h
}

// kindOfRequest is of which requests one can be made.
type kindOfRequest struct {
	tenant  tenant.ID
	version version
}

type handler struct {
	pipeline *ingest.Pipeline
	logger   *slog.Logger
	bodies   *httpdoor.Bodies
	families *families
	door     *joint.Door[kindOfRequest, taken]
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !httpdoor.PostOnly(w, r) {
		return
	}
	v, err := negotiate(r)
	if err != nil {
		h.fail(w, err)
		return
	}
	adm := h.pipeline.Admit()
	defer adm.Release()
	written, err := h.serve(w, r, v, adm)
	if v == v2 {
		written.set(w.Header())
	}
	if err != nil {
		h.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *handler) fail(w http.ResponseWriter, err error) {
	v := httpdoor.Judge(err)
	if v.Reason != "" {
		h.pipeline.Refused(ingest.Metrics, v.Reason)
	}
	if v.Status == http.StatusTooManyRequests && v.Reason != string(ingest.RefusedQuota) {
		v.Status = http.StatusServiceUnavailable // see the package's comment
	}
	v.Write(w, err)
}

// serve takes one request in. A panic below it is an internal error of this
// request, not of the process.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, v version, adm *ingest.Admission) (written Written, err error) {
	defer httpdoor.Recovered(h.logger, "promwrite", &err)
	t := tenant.FromContext(r.Context())
	if err := h.pipeline.Ready(t, min(max(0, r.ContentLength), h.bodies.Limits.RequestBytes)); err != nil {
		return Written{}, err
	}
	body, err := h.bodies.Read(w, r, httpdoor.Snappy, adm)
	if err != nil {
		return Written{}, err
	}
	h.pipeline.Arrived(t, len(body))
	store, err := h.door.Open(kindOfRequest{t, v}, ingest.RequestKey(t, ingest.Metrics, body), body, adm)
	h.bodies.Put(body)
	if err != nil {
		return Written{}, err
	}
	result, taken, err := store(r.Context())
	if err != nil {
		return Written{}, err
	}
	if result.Rejected > 0 {
		return taken.written, &httpdoor.RejectedError{Signal: ingest.Metrics, Result: result, First: taken.firstRejected}
	}
	return taken.written, nil
}

// negotiate reads which message the request is. A sender that does not say is
// one of version 1.
func negotiate(r *http.Request) (version, error) {
	if c := httpdoor.Compression(r, httpdoor.Snappy); c != httpdoor.Snappy {
		return 0, &httpdoor.MediaError{Header: "Content-Encoding", Got: c, Want: httpdoor.Snappy}
	}
	sent := r.Header.Get("Content-Type")
	if sent == "" {
		return v1, nil
	}
	t, params, err := mime.ParseMediaType(sent)
	if err == nil && t != protobufType {
		err = errors.New("another type")
	}
	if err == nil {
		switch params["proto"] {
		case "", messageV1:
			return v1, nil
		case messageV2:
			return v2, nil
		}
	}
	return 0, &httpdoor.MediaError{Header: "Content-Type", Got: sent,
		Want: protobufType + ";proto=" + messageV1 + " or " + protobufType + ";proto=" + messageV2}
}
