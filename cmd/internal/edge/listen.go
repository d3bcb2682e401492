package edge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/net/netutil"
)

// ListenConfig is one address to listen at.
type ListenConfig struct {
	Flag           string // the flag the address came from, for errors
	Addr           string // host:port; an empty host means every interface
	MaxConnections int    // default 4096; more wait in the kernel's queue
	TLS            TLS
}

func (c *ListenConfig) setDefaults() {
	if c.MaxConnections == 0 {
		c.MaxConnections = 4096
	}
}

// Listen opens the address. TLS is the server's business: HTTP.Run takes it
// from the same TLS struct, and gRPC as credentials.
func Listen(cfg ListenConfig) (net.Listener, error) {
	cfg.setDefaults()
	listener, err := net.Listen("tcp", cfg.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("edge: %s %s: the address is in use; is another trefoil running?", cfg.Flag, cfg.Addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("edge: %s %s: not allowed to listen there", cfg.Flag, cfg.Addr)
	case err != nil:
		return nil, fmt.Errorf("edge: %s: %w", cfg.Flag, err)
	}
	return netutil.LimitListener(listener, cfg.MaxConnections), nil
}

// Loopback reports whether a listen address is reachable from this machine
// only; anything else deserves a warning when nobody is authenticated.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// TLS names the files of a server's identity. All empty: no TLS.
type TLS struct {
	CertFile, KeyFile string // PEM
	ClientCAFile      string // PEM; when set, clients must present a certificate it signed
}

// Config reads the files. It returns nil when no TLS is wanted.
func (t TLS) Config() (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return nil, errors.New("edge: TLS: want both a certificate and a key file")
	}
	certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("edge: TLS: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	if t.ClientCAFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("edge: TLS: client CA: %w", err)
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("edge: TLS: client CA: no certificate in %s", t.ClientCAFile)
	}
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	return cfg, nil
}
