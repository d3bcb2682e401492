package main

import (
	"context"
	"fmt"
	"os"

	"github.com/mattn/go-isatty"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

func runEngineInstall(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "engine install",
		Text: fmt.Sprintf(`
Brings the embedded ClickHouse: downloads the npm package %s, version
%s (178 MB), checks the library's SHA-256 and puts it where 'trefoil serve' looks for it.
It is done once; when the library is already there and intact, nothing is downloaded.

Needs npm, on Linux on x86-64 with glibc. Elsewhere, run 'trefoil serve --clickhouse-dsn …' with a
ClickHouse of your own.`, enginelib.Package, enginelib.Version),
	})
	library := enginelib.Path()
	set.String(&library, "engine-lib", library, "put the library at this `path`")
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) > 0 {
		return set.Errorf("engine install takes no arguments, got %q", set.Args()[0])
	}
	progress := installProgress{terminal: isatty.IsTerminal(os.Stderr.Fd())}
	err := enginelib.Install(ctx, library, progress.report)
	progress.end()
	if err != nil {
		return err
	}
	fmt.Printf("engine %s is at %s\n", enginelib.Version, library)
	return nil
}

// installProgress rewrites one line on a terminal and prints a few lines
// elsewhere.
type installProgress struct {
	terminal, downloading, unpacking bool
}

func (p *installProgress) report(done, total int64) {
	switch {
	case done == 0:
		p.downloading = true
		fmt.Fprintf(os.Stderr, "downloading %s@%s (178 MB)\n", enginelib.Package, enginelib.Version)
	case p.terminal && p.downloading:
		p.unpacking = true
		fmt.Fprintf(os.Stderr, "\runpacking and checking %3d %% of %d MB", done*100/total, total/1e6)
	case p.downloading && !p.unpacking:
		p.unpacking = true
		fmt.Fprintf(os.Stderr, "unpacking and checking %d MB\n", total/1e6)
	}
}

func (p *installProgress) end() {
	if p.terminal && p.unpacking {
		fmt.Fprintln(os.Stderr)
	}
}
