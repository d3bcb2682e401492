package promqlbench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// victoriaVersion is the peer we hold ourselves to.
const victoriaVersion = "v1.148.0"

// victoriaBinary is the peer's binary, built if need be.
func victoriaBinary(ctx context.Context, cfg promqlConfig) (string, error) {
	if cfg.Victoria != "" {
		return cfg.Victoria, nil
	}
	dir, err := filepath.Abs(filepath.Join(cfg.Dir, "..", "bin"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "victoria-metrics")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@"+victoriaVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build VictoriaMetrics: %w\n%s", err, out)
	}
	return path, nil
}

func startVictoria(ctx context.Context, binary, dir string) (*subject.Process, error) {
	return subject.StartPeer(ctx, binary, dir, "-retentionPeriod", "10y", "-search.disableCache", "-search.maxSamplesPerQuery", "2000000000", "-search.maxMemoryPerQuery", "0")
}
