package alerting

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/rulesapi"
)

const (
	// forwardedHeader marks a request that another instance has forwarded; it
	// is not forwarded again.
	forwardedHeader = "Trefoil-Forwarded"
	// forwardTimeout bounds the wait for the other instance's answer.
	forwardTimeout = 30 * time.Second
)

// forwarder answers requests at the instance that evaluates.
type forwarder struct {
	m         *Manager
	transport http.RoundTripper
}

func newForwarder(m *Manager) *forwarder {
	return &forwarder{m: m, transport: &http.Transport{
		Proxy: nil, ResponseHeaderTimeout: forwardTimeout, TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: 30 * time.Second,
	}}
}

// inCharge answers here what this process knows, and elsewhere what another
// one does: alerts and silences are in the memory of the one in charge.
func (f *forwarder) inCharge(here http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.m.standby.Load() {
			here.ServeHTTP(w, r)
			return
		}
		lease := f.m.cfg.Election.Seen()
		target, err := url.Parse(lease.URL)
		if err != nil || target.Host == "" || r.Header.Get(forwardedHeader) != "" {
			rulesapi.Unavailable(w, errStandby.Error()+"; which one is being settled")
			return
		}
		proxy := &httputil.ReverseProxy{
			Transport: f.transport,
			Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(target)
				p.Out.Header.Set(forwardedHeader, "1")
			},
			ErrorLog: slog.NewLogLogger(f.m.log.Handler(), slog.LevelDebug),
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				rulesapi.Unavailable(w, fmt.Sprintf("%s and cannot be reached at %s: %v", errStandby, lease.URL, err))
			},
		}
		proxy.ServeHTTP(w, r)
	})
}
