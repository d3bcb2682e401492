package main

import (
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMigrateScripts runs the migrate commands on a server whose database has no
// tables yet.
func TestMigrateScripts(t *testing.T) {
	dsn := outside(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/migrate", Deadline: time.Now().Add(4 * time.Minute),
		Setup: func(env *testscript.Env) error {
			env.Setenv("TREFOIL_CLICKHOUSE_DSN", dsn)
			return nil
		},
	})
}
