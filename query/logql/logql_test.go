package logql

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestTmp(t *testing.T) {
	b, err := os.ReadFile("/tmp/corpus.txt")
	if err != nil {
		t.Skip()
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		e, err := Parse(line)
		if err != nil {
			var pe *ParseError
			errors.As(err, &pe)
			t.Errorf("%v\n%s", err, pe.Caret())
			continue
		}
		again, err := Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Errorf("%s: %v: %v", e, again, err)
		}
		again, err = Parse(Pretty(e))
		if err != nil || again.String() != e.String() {
			t.Errorf("%s: %v: %v", Pretty(e), again, err)
		}
	}
}
