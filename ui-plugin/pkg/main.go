// Command gpx_trefoil_datasource is the backend process of Trefoil's Grafana
// data source. Grafana starts it and speaks to it over its plugin protocol.
package main

import (
	"os"
	"runtime/debug"

	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"
	"google.golang.org/grpc/encoding"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/bulkframe"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/plugin"
)

func main() {
	// A query leaves megabytes behind and little that lives: to collect rarely costs
	// that little again, and saves a tenth of the time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	bulk := bulkframe.NewStore()
	encoding.RegisterCodecV2(bulk.Codec())
	if err := datasource.Manage(plugin.ID, plugin.New(bulk), datasource.ManageOpts{}); err != nil {
		log.DefaultLogger.Error("plugin backend stopped", "error", err)
		os.Exit(1)
	}
}
