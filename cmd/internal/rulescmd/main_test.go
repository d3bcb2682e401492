package rulescmd

import (
	"os"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// TestMain lets the embedded ClickHouse run this very binary.
func TestMain(m *testing.M) {
	engine.MaybeChild()
	os.Exit(m.Run())
}
