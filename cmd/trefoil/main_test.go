package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// TestMain lets scripts run this very binary as trefoil.
func TestMain(m *testing.M) {
	engine.MaybeChild()
	testscript.Main(m, map[string]func(){"trefoil": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Deadline: time.Now().Add(2 * time.Minute)})
}

// TestCommandsAnswerHelp asks every command of the table what it does.
func TestCommandsAnswerHelp(t *testing.T) {
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	os.Stdout = null
	for _, c := range commands() {
		if err := c.run(t.Context(), []string{"--help"}); err != nil {
			t.Errorf("trefoil %s --help: %v", c.name, err)
		}
		if err := c.run(t.Context(), []string{"--no-such-flag"}); err == nil {
			t.Errorf("trefoil %s takes --no-such-flag", c.name)
		}
	}
}
