package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/workload"
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
		u, err := account(cmd.Process.Pid)
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
	got, err := tableBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got["logs"] != 116 {
		t.Errorf("got %v, want 116 bytes of logs alone", got)
	}
}

func TestSendAll(t *testing.T) {
	requests, err := workload.Generate(workload.Config{Signal: workload.Logs, Records: 250, PerRequest: 10, Start: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 3 {
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	done, err := sendAll(context.Background(), httpExports(4, address, workload.Logs, "none"), requests, 0)
	if err != nil || done.Records != 250 || done.Retries != 1 || calls.Load() != 26 {
		t.Errorf("%d records, %d retries, %d calls, %v", done.Records, done.Retries, calls.Load(), err)
	}
	if p := quantile(done.acks, 0.99); p < 10*time.Millisecond {
		t.Errorf("p99 %s hides the retry", p)
	}
}

func TestPartOfASuccessIsAFailure(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"partial success": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("\x0a\x05\x08\x03\x12\x01x")) },
		"bad request":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
	} {
		server := httptest.NewServer(handler)
		requests := []workload.Request{{Body: []byte("x"), Records: 1}}
		if _, err := sendAll(context.Background(), httpExports(1, strings.TrimPrefix(server.URL, "http://"), workload.Logs, "none"), requests, 0); err == nil {
			t.Errorf("%s counts as accepted", name)
		}
		server.Close()
	}
}

func TestStartReportsLastWords(t *testing.T) {
	script := filepath.Join(t.TempDir(), "trefoil")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho no engine here >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := start(context.Background(), ingestConfig{Trefoil: script})
	if err == nil || !strings.Contains(err.Error(), "no engine here") {
		t.Errorf("got %v", err)
	}
}

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

// At a rate, requests are sent when they are due, and the wait for a connection
// counts.
func TestPacedSending(t *testing.T) {
	requests := []workload.Request{{Body: []byte("x"), Records: 10}, {Body: []byte("x"), Records: 10}, {Body: []byte("x"), Records: 10}}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(80 * time.Millisecond) }))
	defer server.Close()
	done, err := sendAll(context.Background(), httpExports(1, strings.TrimPrefix(server.URL, "http://"), workload.Logs, "none"), requests, 200)
	if err != nil {
		t.Fatal(err)
	}
	if done.Took < 180*time.Millisecond {
		t.Errorf("sent in %s", done.Took)
	}
	// Due at 0, 50 and 100 ms, over a connection that is busy until 160 ms.
	if last := quantile(done.acks, 1); last < 120*time.Millisecond {
		t.Errorf("the last ack took %s: its wait for the connection is left out", last)
	}
}
