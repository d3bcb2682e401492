package plugin_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

// A certificate is trusted when its authority is the configured one, and not
// otherwise.
func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(api())
	t.Cleanup(srv.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	trusting := start(t, config{url: srv.URL, json: map[string]any{"tlsAuthWithCACert": true}, secure: map[string]string{"tlsCACert": authority}})
	if ok, message, _ := trusting.health(); !ok {
		t.Errorf("with its authority: %s", message)
	}
	if ok, message, details := start(t, config{url: srv.URL}).health(); ok || details["problem"] != "misconfigured" || !strings.Contains(message, "is not trusted") {
		t.Errorf("without: %v %q %v", ok, message, details)
	}
	plain := strings.Replace(srv.URL, "https://", "http://", 1)
	if ok, message, _ := start(t, config{url: plain}).health(); ok || !strings.Contains(message, "HTTPS") && !strings.Contains(message, "400") {
		t.Errorf("http to TLS: %v %q", ok, message)
	}
}

// Who must show a certificate shows the configured one; without it, or with one of
// another authority, the health check and the panel say that one is wanted.
func TestClientCertificate(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	trusted := x509.NewCertPool()
	trusted.AddCert(ours.cert)
	mux := api()
	mux.Handle("POST /api/v1/query", apitest.Answer(apitest.ArrowType, apitest.Metrics(nil, []apitest.Series{{Times: []int64{noon.UnixMilli()}, Values: []float64{3}}})))
	srv := httptest.NewUnstartedServer(mux)
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	server := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	showing := func(cert, key string) *host {
		c := config{url: srv.URL, json: map[string]any{"tlsAuthWithCACert": true, "serverName": "example.com"}, secure: map[string]string{"tlsCACert": server}}
		if cert != "" {
			c.json["tlsAuth"], c.secure["tlsClientCert"], c.secure["tlsClientKey"] = true, cert, key
		}
		return start(t, c)
	}

	h := showing(ours.issue(t))
	if ok, message, _ := h.health(); !ok {
		t.Errorf("with a certificate: %s", message)
	}
	if r := h.query("metrics", map[string]any{"expr": "up"}, noon); r.Error != nil || r.Frames[0].Rows() != 1 {
		t.Errorf("with a certificate: %v", r.Error)
	}
	for name, h := range map[string]*host{"none": showing("", ""), "of another authority": showing(theirs.issue(t))} {
		const want = "wants a client certificate of an authority it trusts"
		if ok, message, details := h.health(); ok || details["problem"] != "misconfigured" || !strings.Contains(message, want) {
			t.Errorf("%s: %v %q %v", name, ok, message, details)
		}
		if r := h.query("metrics", map[string]any{"expr": "up"}, noon); r.Error == nil || r.Status != 400 || !strings.Contains(r.Error.Error(), want) {
			t.Errorf("%s: %d %v", name, r.Status, r.Error)
		}
	}
	if ok, message, details := showing("no certificate", "no key").health(); ok || details["problem"] != "misconfigured" || !strings.Contains(message, "settings:") {
		t.Errorf("rubbish: %v %q %v", ok, message, details)
	}
}

// authority signs client certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	check(t, err)
	cert, err := x509.ParseCertificate(raw)
	check(t, err)
	return &authority{cert, key}
}

// issue makes a client's certificate and key, as PEM.
func (a *authority) issue(t *testing.T) (cert, key string) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "grafana"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	raw, err := x509.CreateCertificate(rand.Reader, about, a.cert, secret.Public(), a.key)
	check(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret)
	check(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
