package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

const (
	// Database is the one database the engine is started with; the working user owns it and every database
	// whose name starts with Database + "_".
	Database = "trefoil"

	workUser = "trefoil"
	readUser = "trefoil_ro"

	loopback = "127.0.0.1"

	leastMemory = 512 << 20 // bytes; with less the engine starts, but merges and queries fail
)

// Config tells Start what to run. Only DataDir has no default.
type Config struct {
	DataDir string // owned by the engine alone; created with mode 0700
	Library string // path of libchdb.so; empty: see Locate

	TCPPort  int // native protocol on 127.0.0.1; 0 chooses a free one
	HTTPPort int // HTTP interface on 127.0.0.1; 0 chooses a free one

	MemoryLimit int64 // bytes the engine may use; default: half the memory of this machine or cgroup, at most 4 GiB
	MinFreeDisk int64 // bytes that must be free in DataDir for a start; default 256 MiB

	ReadyTimeout time.Duration // from exec to the first answered query; default 60 s
	StopTimeout  time.Duration // from the request to stop until the child is killed; default 8 s

	Unconfined bool // do not confine the child with Landlock; then file('/any/path') reads what this user can read

	// Niceness of the engine's threads, 0 to 19, as nice(1) has it: where cores are short others go before it.
	Niceness int

	Logger  *slog.Logger // default slog.Default()
	OnState func(State)  // called in order from one goroutine at a time, after State changed; must not block
}

func (c *Config) setDefaults() error {
	if c.DataDir == "" {
		return errors.New("engine: config: DataDir is empty")
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return fmt.Errorf("engine: config: DataDir: %w", err)
	}
	if strings.ContainsFunc(dir, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return fmt.Errorf("engine: config: DataDir %q: ClickHouse takes no backslash or control character in a path", dir)
	}
	c.DataDir = dir
	for _, port := range []int{c.TCPPort, c.HTTPPort} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("engine: config: port %d: want 0 to 65535", port)
		}
	}
	if c.Niceness < 0 || c.Niceness > 19 {
		return fmt.Errorf("engine: config: Niceness %d: want 0 to 19", c.Niceness)
	}
	if c.MemoryLimit == 0 {
		c.MemoryLimit = max(leastMemory, min(machineMemory()/2, 4<<30))
	}
	if c.MemoryLimit < leastMemory {
		return fmt.Errorf("engine: config: MemoryLimit %d: want at least %d", c.MemoryLimit, leastMemory)
	}
	if c.MinFreeDisk == 0 {
		c.MinFreeDisk = 256 << 20
	}
	if c.ReadyTimeout == 0 {
		c.ReadyTimeout = time.Minute
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 8 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
}

// Endpoint is how clients reach the engine. It stays the same for the life of an Engine, restarts included.
type Endpoint struct {
	TCPAddr  string // host:port of the native protocol
	HTTPAddr string // host:port of the HTTP interface

	User, Password         string // may do everything in Database, and in databases named Database_*
	ReadUser, ReadPassword string // may only select, within limits
	Database               string
}

// LogValue keeps the passwords out of logs.
func (e Endpoint) LogValue() slog.Value {
	return slog.GroupValue(slog.String("tcp", e.TCPAddr), slog.String("http", e.HTTPAddr),
		slog.String("database", e.Database))
}

// String keeps the passwords out of messages.
func (e Endpoint) String() string {
	return fmt.Sprintf("clickhouse://%s/%s (http %s)", e.TCPAddr, e.Database, e.HTTPAddr)
}

// State is where the engine is in its life.
type State int32

const (
	Starting   State = iota // first start, not ready yet
	Ready                   // answers queries
	Restarting              // crashed; waiting out the backoff or starting again
	Stopping                // asked to stop
	Stopped                 // ended for good
)

func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Ready:
		return "ready"
	case Restarting:
		return "restarting"
	case Stopping:
		return "stopping"
	case Stopped:
		return "stopped"
	}
	return fmt.Sprintf("State(%d)", int32(s))
}
