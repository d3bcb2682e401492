// Command preview shows the built data source in a small page, without Grafana:
// it starts the real backend binary, speaks to it as Grafana does, and serves
// the real module.js beside a page that stands in for Grafana's front end.
//
// It is for looking at the plugin and for driving it in a browser test. It knows
// nobody, keeps nothing and listens on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/pluginhost"
)

const pluginID = "trefoil-datasource"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	addr := flag.String("addr", "127.0.0.1:8734", "where to serve the page; port 0 takes a free one")
	trefoil := flag.String("trefoil", "http://127.0.0.1:8733", "Trefoil's HTTP API")
	root := flag.String("root", "ui-plugin", "folder of the plugin, with dist built in it")
	dashboards := flag.String("dashboards", "deploy/grafana/dashboards", "folder of dashboards to offer")
	backend := flag.String("backend", "", "the backend's binary; by default the one in dist for amd64 Linux")
	interval := flag.String("interval", "", "how often metrics are exported to Trefoil, such as 5s; the data source's default without one")
	flag.Parse()
	if *backend == "" {
		*backend = filepath.Join(*root, "dist", "gpx_trefoil_datasource_linux_amd64")
	}
	for _, needed := range []string{*backend, filepath.Join(*root, "dist", "module.js"), filepath.Join(*root, "preview", "dist", "main.js")} {
		if _, err := os.Stat(needed); err != nil {
			return fmt.Errorf("%w; build it with make plugin-preview", err)
		}
	}
	settings := pluginhost.Settings{PluginID: pluginID, UID: "trefoil", Name: "Trefoil", URL: *trefoil}
	if *interval != "" {
		settings.JSON = map[string]any{"timeInterval": *interval}
	}
	h, err := pluginhost.Start(*backend, settings)
	if err != nil {
		return err
	}
	defer h.Close()

	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	// Queries may take as long as the data source lets them, and a tail for ever.
	srv := &http.Server{Handler: routes(h, *root, *dashboards), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	fmt.Printf("The data source's preview is at http://%s, asking Trefoil at %s.\n", l.Addr(), *trefoil)
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
