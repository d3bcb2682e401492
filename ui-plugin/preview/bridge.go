package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/pluginhost"
)

// maxBody bounds a request of the page, in bytes.
const maxBody = 4 << 20

// bridge answers the addresses of Grafana's own HTTP API that a data source's
// front end calls, through the plugin protocol.
type bridge struct{ host *pluginhost.Host }

func routes(h *pluginhost.Host, root, dashboards string) http.Handler {
	b := &bridge{h}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/ds/query", b.query)
	mux.HandleFunc("/api/datasources/uid/{uid}/resources/{path...}", b.resource)
	mux.HandleFunc("/api/datasources/uid/{uid}/health", b.health)
	mux.HandleFunc("GET /api/live/run", b.live)
	mux.Handle("GET /public/plugins/"+pluginID+"/", http.StripPrefix("/public/plugins/"+pluginID, http.FileServer(http.Dir(filepath.Join(root, "dist")))))
	mux.Handle("GET /public/build/img/", http.StripPrefix("/public/build/img", http.FileServer(http.Dir(filepath.Join(root, "node_modules/@grafana/ui/dist/public/img")))))
	mux.Handle("GET /public/img/", http.StripPrefix("/public/img", http.FileServer(http.Dir(filepath.Join(root, "node_modules/@grafana/ui/dist/public/img")))))
	mux.Handle("GET /preview/", http.StripPrefix("/preview", http.FileServer(http.Dir(filepath.Join(root, "preview", "dist")))))
	mux.Handle("GET /dashboards/", http.StripPrefix("/dashboards", http.FileServer(http.Dir(dashboards))))
	mux.HandleFunc("GET /dashboards.json", func(w http.ResponseWriter, _ *http.Request) { list(w, dashboards) })
	page := func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(root, "preview", "page", "index.html"))
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /explore", page)
	mux.HandleFunc("GET /d/{name}", page)
	mux.HandleFunc("GET /settings", page)
	return mux
}

// query is Grafana's POST /api/ds/query.
func (b *bridge) query(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Queries  []json.RawMessage `json:"queries"`
		From, To string            // Unix milliseconds
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	from, err1 := strconv.ParseInt(body.From, 10, 64)
	to, err2 := strconv.ParseInt(body.To, 10, 64)
	if err1 != nil || err2 != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("range %q to %q is not in Unix milliseconds", body.From, body.To))
		return
	}
	var queries []*pluginv2.DataQuery
	for _, raw := range body.Queries {
		var q struct {
			RefID         string  `json:"refId"`
			QueryType     string  `json:"queryType"`
			MaxDataPoints int64   `json:"maxDataPoints"`
			IntervalMS    float64 `json:"intervalMs"`
		}
		if err := json.Unmarshal(raw, &q); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		queries = append(queries, &pluginv2.DataQuery{RefId: q.RefID, QueryType: q.QueryType, MaxDataPoints: q.MaxDataPoints,
			IntervalMS: int64(q.IntervalMS), Json: raw, TimeRange: &pluginv2.TimeRange{FromEpochMS: from, ToEpochMS: to}})
	}
	res, err := b.host.Query(r.Context(), nil, queries...)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, &backend.QueryDataResponse{Responses: res})
}

func (b *bridge) resource(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	res, err := b.host.Resource(r.Context(), r.Method, r.PathValue("path"), r.URL.RawQuery, body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.Status)
	_, _ = w.Write(res.Body)
}

func (b *bridge) health(w http.ResponseWriter, r *http.Request) {
	res, err := b.host.CheckHealth(r.Context())
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	status, word := http.StatusOK, "OK"
	if !res.OK {
		status, word = http.StatusBadRequest, "ERROR"
	}
	respond(w, status, map[string]any{"status": word, "message": res.Message, "details": res.Details})
}

// live sends a stream's frames as server-sent events. Grafana has a web socket
// for it; the frames are the same.
func (b *bridge) live(w http.ResponseWriter, r *http.Request) {
	path, data := r.URL.Query().Get("path"), []byte(r.URL.Query().Get("data"))
	status, err := b.host.Subscribe(r.Context(), path, data)
	if err != nil || status != backend.SubscribeStreamStatusOK {
		refuse(w, http.StatusBadRequest, fmt.Errorf("stream %s is refused: %v %v", path, status, err))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	_ = flush()
	err = b.host.Run(r.Context(), path, data, func(frame []byte) error {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", frame); err != nil {
			return err
		}
		return flush()
	})
	if err != nil && r.Context().Err() == nil {
		fmt.Fprintf(w, "event: failed\ndata: %s\n\n", strings.ReplaceAll(err.Error(), "\n", " "))
		_ = flush()
	}
}

// list names the dashboards of a folder, without their ending.
func list(w http.ResponseWriter, folder string) {
	names := []string{}
	files, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".json"); ok {
			names = append(names, name)
		}
	}
	respond(w, http.StatusOK, names)
}

func refuse(w http.ResponseWriter, status int, err error) {
	respond(w, status, map[string]string{"message": err.Error()})
}

func respond(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, fmt.Appendf(nil, `{"message":%q}`, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
