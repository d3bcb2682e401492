package alerting

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// watch reads rule files and Alertmanager's configuration again when they have
// changed on disk: their names, sizes, times or, of a link, where it leads. It
// looks rather than listens, since that works on every file system.
func (m *Manager) watch(ctx context.Context) {
	seen := m.filesState()
	tried := seen
	for sleepUntil(ctx, time.Now().Add(m.cfg.WatchInterval)) {
		now := m.filesState()
		changed, settled := now != tried, now == seen
		seen = now
		if !changed || !settled {
			continue // What is being written is read when it has come to rest.
		}
		tried = now
		if err := m.Reload(ctx); err != nil {
			m.log.Error("changed files are not taken, the old rules stay", "err", err)
			continue
		}
		m.log.Info("changed rule files are read")
	}
}

// filesState is a text that differs when the files have changed.
func (m *Manager) filesState() string {
	var b strings.Builder
	for _, pattern := range append([]string{m.cfg.AlertmanagerConfig}, m.cfg.RuleFiles...) {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			real, _ := filepath.EvalSymlinks(path)
			if info, err := os.Stat(path); err == nil {
				fmt.Fprintf(&b, "%s %s %d %d\n", path, real, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}

// ReloadHandler answers POST /-/reload as Prometheus does: what is wrong comes
// back as text, and then the old rules stay.
func (m *Manager) ReloadHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && r.Method != http.MethodPut {
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, "only POST or PUT requests allowed", http.StatusMethodNotAllowed)
			return
		}
		if err := m.Reload(r.Context()); err != nil {
			http.Error(w, "not reloaded, the old rules stay:\n"+err.Error(), http.StatusInternalServerError)
		}
	})
}

// Reload reads the rule files and Alertmanager's configuration again. A mistake
// leaves the old ones at work and is returned; that of a rule file is a
// rulefile.Problems.
func (m *Manager) Reload(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // half a reload helps nobody
	err := m.reloadRules(ctx)
	configErr := m.notifier().Reload()
	if configErr == nil {
		return err
	}
	return errors.Join(err, configErr)
}
