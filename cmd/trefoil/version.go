package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/selftel"
)

// Set by the linker in releases (see the Makefile); a plain go build leaves
// them empty and the module's own build information is used.
var version, commit string

// build is what is known about this binary.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Time    string `json:"commit_time,omitempty"`
	Dirty   bool   `json:"modified,omitempty"`
	Go      string `json:"go"`
	Target  string `json:"target"`
}

func buildInfo() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				if b.Commit == "" {
					b.Commit = s.Value
				}
			case "vcs.time":
				b.Time = s.Value
			case "vcs.modified":
				b.Dirty = s.Value == "true"
			}
		}
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	return b
}

func runVersion(_ context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "version",
		Text:    "Prints the version of this binary, the commit and Go release it was built from and the\nplatform it runs on.",
	})
	var output string
	set.String(&output, "output", "text", "`format`: text or json")
	set.Short("o", "output")
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) > 0 {
		return set.Errorf("version takes no arguments, got %q", set.Args()[0])
	}
	b := buildInfo()
	switch output {
	case "json":
		return json.NewEncoder(os.Stdout).Encode(b)
	case "text":
	default:
		return set.Errorf("flag --output: %q is not text or json", output)
	}
	fmt.Printf("trefoil %s", b.Version)
	if b.Commit != "" {
		fmt.Printf(" (commit %.12s", b.Commit)
		if b.Dirty {
			fmt.Print(", with changes")
		}
		fmt.Print(")")
	}
	fmt.Printf(" %s %s\n", b.Go, b.Target)
	return nil
}

// own is what telemetry and the API tell of this binary.
func own() selftel.Build {
	b := buildInfo()
	return selftel.Build{Version: b.Version, Commit: b.Commit, Time: b.Time, GoVersion: b.Go}
}
