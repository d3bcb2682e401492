package chaos

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestEngineDiesUnderMigration kills the engine of a first start soon after it is
// ready, when the tables are being made: the start goes on with the next one.
func TestEngineDiesUnderMigration(t *testing.T) {
	s := newServer(t)
	s.start()
	if err := poll(2*time.Minute, func() error {
		if !strings.Contains(s.words.String(), "engine: ready") {
			return errors.New("the engine is not up")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
	s.kill(false, true)
	s.waitReady()
	t.Log(strings.Count(s.words.String(), "the migration goes on"), "attempts were cut short")
	s.stop()
}
