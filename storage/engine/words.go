package engine

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// words keeps the last distinct things the engine said, without the stack traces, which name no symbols anyway.
type words struct {
	mu      sync.Mutex
	partial []byte // the line being written
	lines   []string
}

const (
	wordLines = 12
	wordBytes = 600 // of one line
)

// noise matches lines that say nothing to an operator: stack frames, registers, and the like.
var noise = regexp.MustCompile(`^(\d+\. .* @ 0x[0-9a-f]+|r\w+ +0x[0-9a-f]+|[cfg]s +0x[0-9a-f]+|\(version .*\)|Logging (information|errors) to .*)?$`)

const stackTrace = "Stack trace (when copying"

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(b)
	for {
		line, rest, found := bytes.Cut(b, []byte{'\n'})
		if room := wordBytes - len(w.partial); len(line) > room { // an endless line is cut, not kept
			line = line[:max(room, 0)]
		}
		w.partial = append(w.partial, line...)
		if !found {
			return n, nil
		}
		w.add(string(w.partial))
		w.partial, b = w.partial[:0], rest
	}
}

func (w *words) add(line string) {
	line, _, _ = strings.Cut(line, stackTrace)
	line = strings.TrimRight(strings.TrimSpace(line), ", ")
	if noise.MatchString(line) {
		return
	}
	for _, known := range w.lines {
		if known == line {
			return
		}
	}
	if len(w.lines) == wordLines {
		w.lines = append(w.lines[:0], w.lines[1:]...)
	}
	w.lines = append(w.lines, line)
}

// String returns what was kept, a line each.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	if last := strings.TrimSpace(string(w.partial)); last != "" {
		lines = append(lines[:len(lines):len(lines)], last)
	}
	return strings.Join(lines, "\n")
}

// wordsFromLog reads the end of a log file, if it was written to since.
func wordsFromLog(path string, since time.Time) string {
	const end = 16 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.ModTime().Before(since) {
		return ""
	}
	skip := max(info.Size()-end, 0)
	raw := make([]byte, info.Size()-skip)
	n, _ := f.ReadAt(raw, skip)
	raw = raw[:n]
	if skip > 0 {
		_, raw, _ = bytes.Cut(raw, []byte{'\n'})
	}
	w := new(words)
	w.Write(raw)
	return w.String()
}
