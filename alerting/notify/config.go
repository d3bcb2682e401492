package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/trefoil-o11y/trefoil/alerting/webhook"
)

// Config of an Alertmanager.
type Config struct {
	// File is an alertmanager.yml. Empty: a configuration is made of the
	// fields of Default.
	File    string
	Default Default
	// Remotes are the URLs of Alertmanagers elsewhere that get all alerts,
	// whatever the embedded one does. They are secrets.
	Remotes []string

	// Scope sets the ids of this one's notifications apart from those of
	// others that use the same receivers; the tenant.
	Scope string
	// ExternalURL is the messages' externalURL.
	ExternalURL string

	// Cluster shares what receivers were told, and silences, with other
	// Alertmanagers. Nil: there are none.
	Cluster *Cluster

	// AttemptTimeout bounds one attempt. Default 10s.
	AttemptTimeout time.Duration
	// StopTimeout is what an attempt under way gets when the process is
	// stopped. Default 3s.
	StopTimeout time.Duration
	// RecordTimeout bounds one write of the log. Default 5s.
	RecordTimeout time.Duration
	// Concurrency is the number of attempts at once per integration. Default 8.
	Concurrency int
	// MaxAlerts is the number of alerts held. Default 50,000.
	MaxAlerts int

	// Record writes an entry of the notification log durably, RecordSilence a
	// silence. Nil keeps them in memory only.
	Record        func(context.Context, Entry) error
	RecordSilence func(context.Context, Silence) error
	// Transport carries the requests of webhooks and to remotes; nil is that
	// of the configuration.
	Transport http.RoundTripper
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Confirm is asked before a notification; an error stops it: another
	// process is in charge. Nil never does.
	Confirm func(context.Context) error
	// Registry is handed the metrics of each Alertmanager that is made of this
	// configuration, the first and its successors. Nil: nobody looks at them.
	Registry func(*prometheus.Registry)
}

// Default is a configuration that needs no file: every receiver is told of
// every alert.
type Default struct {
	// Webhooks are URLs; they are secrets.
	Webhooks []string
	// Emails are addresses; Smarthost is the host:port of the mail server
	// (default 127.0.0.1:25), From the sender (default trefoil@ and this
	// host's name).
	Emails          []string
	Smarthost, From string
	// GroupWait, GroupInterval (5m) and RepeatInterval (4h) are Alertmanager's.
	GroupWait, GroupInterval, RepeatInterval time.Duration
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.Default.GroupInterval, 5 * time.Minute},
		{&c.Default.RepeatInterval, 4 * time.Hour},
		{&c.AttemptTimeout, 10 * time.Second},
		{&c.StopTimeout, 3 * time.Second},
		{&c.RecordTimeout, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 8
	}
	if c.MaxAlerts <= 0 {
		c.MaxAlerts = 50_000
	}
	if c.Record == nil {
		c.Record = func(context.Context, Entry) error { return nil }
	}
	if c.RecordSilence == nil {
		c.RecordSilence = func(context.Context, Silence) error { return nil }
	}
	if c.Confirm == nil {
		c.Confirm = func(context.Context) error { return nil }
	}
	if c.Registry == nil {
		c.Registry = func(*prometheus.Registry) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// configuration is Alertmanager's and a text that changes with it: that of the
// file and of the templates it names.
type configuration struct {
	*amconfig.Config
	text string
}

// load answers the configuration to use. Its errors hold no secret.
func (c *Config) load() (configuration, error) {
	if c.File == "" {
		conf, err := c.Default.config()
		return configuration{Config: conf}, err
	}
	conf, text, err := c.loadFile()
	if err != nil {
		return configuration{}, err
	}
	for _, pattern := range conf.Templates {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			template, _ := os.ReadFile(path)
			text = append(append(text, path...), template...)
		}
	}
	return configuration{Config: conf, text: string(text)}, nil
}

func (c *Config) loadFile() (*amconfig.Config, []byte, error) {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return nil, nil, fmt.Errorf("alertmanager configuration: %w", err)
	}
	conf, err := amconfig.LoadFile(c.File)
	if err != nil {
		return nil, nil, fmt.Errorf("alertmanager configuration: %s: %s", c.File, redactYAML(text, err))
	}
	return conf, text, nil
}

// secretField matches the fields of alertmanager.yml whose values a mistake in
// them must not bring into a log.
var secretField = regexp.MustCompile(`(?i)url|key|token|password|secret|credential|authorization|webhook|webhook_id|bot`)

// redactYAML prints an error about a file without the secrets in that file. Of
// a file that is not YAML at all it says where, not what.
func redactYAML(text []byte, err error) string {
	var doc yaml.Node
	if broken := yaml.Unmarshal(text, &doc); broken != nil {
		return broken.Error()
	}
	var secrets []string
	var walk func(n *yaml.Node, secret bool)
	walk = func(n *yaml.Node, secret bool) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(n.Content[i+1], secret || secretField.MatchString(n.Content[i].Value))
			}
		case yaml.ScalarNode:
			if secret {
				secrets = append(secrets, n.Value)
			}
		default:
			for _, child := range n.Content {
				walk(child, secret)
			}
		}
	}
	walk(&doc, false)
	return webhook.Redactor(secrets...).Replace(err.Error())
}

// nobody is the receiver of the root route: the tree below it says who is told.
const nobody = "nobody"

// config makes the configuration. Every receiver has a route of its own, so
// that one that hangs delays no other, and the notification log follows a
// receiver whatever others are added.
func (d *Default) config() (*amconfig.Config, error) {
	type object = map[string]any
	receivers := []object{{"name": nobody}}
	var routes []object
	add := func(name, kind string, settings object) error {
		for _, r := range receivers {
			if r["name"] == name {
				return fmt.Errorf("receiver %s is configured twice", name)
			}
		}
		settings["send_resolved"] = true
		receivers = append(receivers, object{"name": name, kind: []object{settings}})
		routes = append(routes, object{"receiver": name, "continue": true})
		return nil
	}
	for i, raw := range d.Webhooks {
		if _, err := webhook.ParseURL(raw); err != nil {
			return nil, fmt.Errorf("webhook %d: %w", i+1, err)
		}
		if strings.Contains(raw, "{{") {
			return nil, fmt.Errorf("webhook %d: {{ begins a template there; write the URL into an alertmanager.yml", i+1)
		}
		if err := add("webhook-"+hashed(raw), "webhook_configs", object{
			"url": raw, "max_alerts": 10_000, "http_config": object{"follow_redirects": false},
		}); err != nil {
			return nil, err
		}
	}
	for _, to := range d.Emails {
		if err := add("email-"+hashed(to), "email_configs", d.email(to)); err != nil {
			return nil, err
		}
	}
	text, err := yaml.Marshal(object{
		"route": object{
			"receiver": nobody, "group_by": []string{model.AlertNameLabel}, "routes": routes,
			"group_wait": duration(d.GroupWait), "group_interval": duration(d.GroupInterval), "repeat_interval": duration(d.RepeatInterval),
		},
		"receivers": receivers,
	})
	if err != nil {
		return nil, errors.New("the flags' configuration cannot be written")
	}
	conf, err := amconfig.Load(string(text))
	if err != nil {
		return nil, fmt.Errorf("receivers: %s", redactYAML(text, err))
	}
	return conf, nil
}

func (d *Default) email(to string) map[string]any {
	smarthost, from := d.Smarthost, d.From
	if smarthost == "" {
		smarthost = "127.0.0.1:25"
	}
	if from == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		from = "trefoil@" + host
	}
	host, _, _ := net.SplitHostPort(smarthost)
	ip := net.ParseIP(host)
	local := host == "localhost" || ip != nil && ip.IsLoopback()
	return map[string]any{"to": to, "from": from, "smarthost": smarthost, "require_tls": !local}
}

// hashed makes a receiver's name, which is public, of what is not.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}

func duration(d time.Duration) string { return model.Duration(d).String() }
