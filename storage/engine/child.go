package engine

import (
	"encoding/json"
	"fmt"
	"os"
)

// ChildCommand is the hidden subcommand under which this binary becomes the engine.
const ChildCommand = "engine-child"

// stageVariable tells a child how far it is: stageFresh as started by the parent, stageConfined after it has
// confined and re-executed itself. Its presence also keeps a program that forgot MaybeChild from forking forever.
const (
	stageVariable = "TREFOIL_ENGINE_CHILD"
	stageFresh    = "fresh"
	stageConfined = "confined"
)

// File descriptors the parent hands to the child, beside 0, 1 and 2.
const (
	controlFD = 3 // end of file: stop
	readyFD   = 4 // a line is written when the listeners are up
	lockFD    = 5 // held, never read: the directory lock lives as long as either process
)

// childSpec is what a child needs to know; the parent writes it beside the server's configuration.
type childSpec struct {
	Dir      string `json:"dir"`
	Library  string `json:"library"`
	TCPPort  int    `json:"tcp_port"`
	HTTPPort int    `json:"http_port"`
	Confine  bool   `json:"confine"`
	Niceness int    `json:"niceness"`
}

// MaybeChild turns this process into the engine and never returns if it was started as one; otherwise it does
// nothing. It must be the first call of main, and of TestMain in tests that start an engine.
func MaybeChild() {
	if len(os.Args) > 1 && os.Args[1] == ChildCommand {
		os.Exit(ChildMain(os.Args[2:]))
	}
}

// ChildMain is the body of ChildCommand; its one argument is the path of the child's spec. It returns the exit
// code when the engine has ended. Its last words go to standard error, where the parent reads them.
func ChildMain(args []string) int {
	if len(args) != 1 || os.Getenv(stageVariable) == "" {
		fmt.Fprintf(os.Stderr, "%s is started by trefoil itself, not by hand\n", ChildCommand)
		return 2
	}
	raw, err := os.ReadFile(args[0])
	var spec childSpec
	if err == nil {
		err = json.Unmarshal(raw, &spec)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "spec: %v\n", err)
		return 2
	}
	if err := childRun(spec, args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
