package subject

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process and everything it started have used so far.
type Usage struct {
	CPU      time.Duration // user and system, ended children included
	Self     time.Duration // the part of CPU that is the process's own
	PeakSelf int64         // bytes: most memory the process itself ever held
	Engine   int64         // bytes its children hold now
}

// clockTicks is USER_HZ: 100 on every Linux that Go runs on.
const clockTicks = 100

// UsageOf reads /proc for pid and its descendants.
func UsageOf(pid int) (Usage, error) {
	processes, err := readProcesses()
	if err != nil {
		return Usage{}, err
	}
	self, ok := processes[pid]
	if !ok {
		return Usage{}, fmt.Errorf("process %d is gone", pid)
	}
	u := Usage{CPU: self.cpu + self.ended, Self: self.cpu, PeakSelf: statusBytes(pid, "VmHWM:")}
	for id, p := range processes {
		if id != pid && descends(processes, id, pid) {
			u.CPU += p.cpu + p.ended
			u.Engine += statusBytes(id, "VmRSS:")
		}
	}
	return u, nil
}

// stat is a line of /proc/PID/stat.
type stat struct {
	parent     int
	cpu, ended time.Duration // its own; its children's that have ended
}

func readProcesses() (map[int]stat, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	processes := map[int]stat{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		pid, err := strconv.Atoi(strings.Split(path, "/")[2])
		if err != nil {
			return nil, err
		}
		if p, ok := parseStat(text); ok {
			processes[pid] = p
		}
	}
	return processes, nil
}

// parseStat reads proc(5)'s fields 4 and 14 to 17. The command's name, field
// 2, may hold anything, so counting starts behind its last parenthesis.
func parseStat(text []byte) (stat, bool) {
	i := bytes.LastIndexByte(text, ')')
	if i < 0 {
		return stat{}, false
	}
	fields := strings.Fields(string(text[i+1:]))
	if len(fields) < 15 {
		return stat{}, false
	}
	number := func(field int) int64 {
		n, err := strconv.ParseInt(fields[field-3], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	ticks := func(n int64) time.Duration { return time.Duration(n) * time.Second / clockTicks }
	return stat{int(number(4)), ticks(number(14) + number(15)), ticks(number(16) + number(17))}, true
}

func descends(processes map[int]stat, pid, from int) bool {
	for range 64 { // deeper trees do not happen
		p, ok := processes[pid]
		if !ok || p.parent <= 1 {
			return p.parent == from
		}
		if p.parent == from {
			return true
		}
		pid = p.parent
	}
	return false
}

func statusBytes(pid int, field string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, field); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// WaitIdle returns once the processes have used less than a twentieth of a
// core for six seconds: acknowledged records are stored and merges are done.
// idle is false when the time was over first.
func WaitIdle(ctx context.Context, pid int, timeout time.Duration) (idle bool, err error) {
	const look, calm = 2 * time.Second, 3
	deadline := time.Now().Add(timeout)
	before, err := UsageOf(pid)
	if err != nil {
		return false, err
	}
	for quiet := 0; quiet < calm; {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(look):
		}
		now, err := UsageOf(pid)
		if err != nil {
			return false, err
		}
		if now.CPU-before.CPU < look/20 {
			quiet++
		} else {
			quiet = 0
		}
		before = now
		if time.Now().After(deadline) {
			return false, nil
		}
	}
	return true, nil
}
