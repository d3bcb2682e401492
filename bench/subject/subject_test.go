package subject

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	p, ok := parseStat([]byte("42 (odd) name (x) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 25 5 20 0 1 0 99"))
	if !ok || p.parent != 7 || p.cpu != 2*time.Second || p.ended != 300*time.Millisecond {
		t.Errorf("got %+v, %t", p, ok)
	}
	for _, broken := range []string{"", "42 name S 1", "42 (name) S 1 2"} {
		if _, ok := parseStat([]byte(broken)); ok {
			t.Errorf("%q was read", broken)
		}
	}
}

// TestAccountSeesChildren burns CPU in a grandchild and finds it in the
// account of the shell that started it.
func TestAccountSeesChildren(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	cmd := exec.Command("sh", "-c", "sh -c 'while :; do :; done' & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := 0
	defer func() {
		if child > 0 {
			if p, err := os.FindProcess(child); err == nil {
				p.Kill()
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
	}()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		u, err := UsageOf(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		processes, err := readProcesses()
		if err != nil {
			t.Fatal(err)
		}
		for pid, p := range processes {
			if p.parent == cmd.Process.Pid {
				child = pid
			}
		}
		if child > 0 && u.CPU >= 200*time.Millisecond && u.Engine > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the grandchild's CPU was not seen")
}

func TestTableBytes(t *testing.T) {
	dir := t.TempDir()
	write := func(path string, n int) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	define := func(path, uuid string) {
		t.Helper()
		write(path, 0)
		if err := os.WriteFile(filepath.Join(dir, path), []byte("ATTACH TABLE _ UUID '"+uuid+"'\n(`a` UInt8)"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const logs, queryLog = "0123abcd-0000-4000-8000-000000000001", "0123abcd-0000-4000-8000-000000000002"
	define("store/aaa/aaaaaaaa-0000-4000-8000-000000000000/logs.sql", logs)
	define("store/aaa/aaaaaaaa-0000-4000-8000-000000000000/query_log.sql", queryLog)
	part := "store/012/" + logs + "/"
	write(part+"20260504-30_1_5_1/data.bin", 100)
	write(part+"20260504-30_1_5_1/inner/data.bin", 10)
	write(part+"20260504-30_2_2_0/data.bin", 1000) // merged into 1_5
	write(part+"20260504-30_6_6_0/data.bin", 1)
	write(part+"20260505-30_2_2_0/data.bin", 5) // another day
	write(part+"detached/broken_1_1_0/data.bin", 77)
	write("store/012/"+queryLog+"/202605_1_1_0/data.bin", 4000)
	got, err := TableBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got["logs"] != 116 {
		t.Errorf("got %v, want 116 bytes of logs alone", got)
	}
}

func TestStartReportsLastWords(t *testing.T) {
	script := filepath.Join(t.TempDir(), "trefoil")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho no engine here >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Start(context.Background(), Config{Trefoil: script})
	if err == nil || !strings.Contains(err.Error(), "no engine here") {
		t.Errorf("got %v", err)
	}
}
