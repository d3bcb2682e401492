package subject

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Queued is how long the threads of a process, and those of its descendants, could
// run and had no core, so far.
func Queued(pid int) (self, descendants time.Duration, err error) {
	processes, err := readProcesses()
	if err != nil {
		return 0, 0, err
	}
	for id := range processes {
		if id != pid && descends(processes, id, pid) {
			descendants += runQueue(id)
		}
	}
	return runQueue(pid), descendants, nil
}

// runQueue is how long threads of a process could run and had no core, so far: the second number of their schedstat.
func runQueue(pid int) (sum time.Duration) {
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}
