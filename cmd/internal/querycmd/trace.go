package querycmd

import (
	"context"
	"encoding/hex"
	"os"
	"strings"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/termview"
)

// Trace is the command query trace.
func Trace(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "query trace",
		Args:    "TRACE-ID",
		Text: `
Shows everything that is known about one trace, fetched in one call: its spans as a waterfall, the
errors among them, the log records that carry its ID and the exemplars that point at it.`,
		Examples: []string{"trefoil query trace 4bf92f3577b34da6a3ce929d0e0e4736"},
	})
	var a asking
	a.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) != 1 {
		return set.Errorf("want one trace ID, got %d arguments", len(set.Args()))
	}
	id := strings.ToLower(set.Args()[0])
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 16 {
		return set.Errorf("%q is not a trace ID: want 32 hexadecimal digits", set.Args()[0])
	}
	client, err := a.open(set)
	if err != nil {
		return err
	}
	c, err := client.Context(ctx, id)
	if err != nil {
		return err
	}
	return a.show(c.Raw, func(s termview.Style) { termview.Context(os.Stdout, s, c) })
}
