package server

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed welcome.html
var welcomePage string

var welcomeTemplate = template.Must(template.New("welcome").Parse(welcomePage))

// welcome tells whoever opens the HTTP API in a browser what is there: which
// addresses to give to Grafana, what describes the API, how the server is.
type welcome struct {
	Version              string
	Query, Ingest, Alert bool // the parts that run
	GRPC, OTLP           string
	URL                  string // of the API as the browser has it
}

func (p welcome) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.URL = "http://" + r.Host
	if r.TLS != nil {
		p.URL = "https://" + r.Host
	}
	var page bytes.Buffer
	if err := welcomeTemplate.Execute(&page, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Write(page.Bytes())
}
