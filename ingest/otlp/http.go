package otlp

import (
	"log/slog"
	"mime"
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
	encodings    = "gzip, zstd, identity"
)

// NewHTTP serves OTLP/HTTP at /v1/logs, /v1/metrics and /v1/traces. The
// tenant comes from the request's context.
func NewHTTP(p *ingest.Pipeline, logger *slog.Logger) http.Handler {
	door, bodies := openDoor(p), &httpdoor.Bodies{Limits: p.Limits()}
	mux := http.NewServeMux()
	for _, s := range []signal{logsSignal(), metricsSignal(), tracesSignal()} {
		mux.Handle("/v1/"+string(s.name), &httpDoor{door: door, signal: s, bodies: bodies, logger: logger})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		st := status.Newf(codes.NotFound, "no such path %s, want /v1/logs, /v1/metrics or /v1/traces", r.URL.Path)
		writeStatus(w, http.StatusNotFound, st, answerEncoding(r))
	})
	return mux
}

// httpDoor answers the requests of one signal.
type httpDoor struct {
	*door
	signal signal
	bodies *httpdoor.Bodies
	logger *slog.Logger
}

func (d *httpDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		st := status.Newf(codes.Unimplemented, "method %s is not allowed, want POST", r.Method)
		writeStatus(w, http.StatusMethodNotAllowed, st, answerEncoding(r))
		return
	}
	adm := d.pipeline.Admit()
	defer adm.Release()
	result, err := d.serve(w, r, adm)
	enc := answerEncoding(r)
	if err == nil {
		var body []byte
		if body, err = d.signal.answer(result, enc); err == nil {
			write(w, http.StatusOK, body, enc)
			return
		}
	}
	d.fail(w, err, enc)
}

// serve takes one request in. A panic below it is an internal error of this
// request, not of the process.
func (d *httpDoor) serve(w http.ResponseWriter, r *http.Request, adm *ingest.Admission) (result ingest.Result, err error) {
	defer httpdoor.Recovered(d.logger, "otlp", &err)
	enc, compression, err := d.media(r)
	if err != nil {
		return result, err
	}
	t := tenant.FromContext(r.Context())
	if err := d.pipeline.Ready(t, min(max(0, r.ContentLength), d.bodies.Limits.RequestBytes)); err != nil {
		return result, err
	}
	body, err := d.bodies.Read(w, r, compression, adm)
	if err != nil {
		return result, err
	}
	take, err := d.take(&d.signal, t, body, enc, adm)
	d.bodies.Put(body)
	if err != nil {
		return result, err
	}
	return take(r.Context())
}

// media reads the request's content type and content encoding.
func (d *httpDoor) media(r *http.Request) (encoding, string, error) {
	enc, ok := contentType(r)
	if !ok {
		return 0, "", &httpdoor.MediaError{Header: "Content-Type", Got: r.Header.Get("Content-Type"), Want: protobufType + " or " + jsonType}
	}
	switch compression := httpdoor.Compression(r, httpdoor.Identity); compression {
	case httpdoor.Identity, httpdoor.Gzip, httpdoor.Zstd:
		return enc, compression, nil
	default:
		return 0, "", &httpdoor.MediaError{Header: "Content-Encoding", Got: compression, Want: encodings}
	}
}

func contentType(r *http.Request) (encoding, bool) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return 0, false
	case t == protobufType:
		return protobuf, true
	case t == jsonType:
		return jsonText, true
	default:
		return 0, false
	}
}

// answerEncoding is the request's own; JSON, which people read, when the
// request has none we know.
func answerEncoding(r *http.Request) encoding {
	if enc, ok := contentType(r); ok {
		return enc
	}
	return jsonText
}

// fail answers with err.
func (d *httpDoor) fail(w http.ResponseWriter, err error, enc encoding) {
	v := judge(err)
	d.pipeline.Refused(d.signal.name, v.Reason)
	v.SetRetryAfter(w.Header())
	if v.Status == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", encodings)
	}
	writeStatus(w, v.Status, v.status(err), enc)
}

// writeStatus answers with a google.rpc.Status.
func writeStatus(w http.ResponseWriter, code int, st *status.Status, enc encoding) {
	marshal := proto.Marshal
	if enc == jsonText {
		marshal = protojson.Marshal
	}
	body, err := marshal(st.Proto())
	if err != nil {
		http.Error(w, st.Message(), code)
		return
	}
	write(w, code, body, enc)
}

func write(w http.ResponseWriter, code int, body []byte, enc encoding) {
	t := protobufType
	if enc == jsonText {
		t = jsonType
	}
	w.Header().Set("Content-Type", t)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
