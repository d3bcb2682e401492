package main

import (
	"context"
	"errors"
	"testing"
)

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"--signals", "profiles"}, {"--protocol", "udp"}, {"--records", "0"}, {"more"}, {"--protocol", "grpc", "--compression", "gzip"}} {
		if _, err := parseIngest(args); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
	if err := run(context.Background(), nil); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("no scenario: %v", err)
	}
}
