package engine

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// chdb is the part of the library's C interface that serves. chdb_connect, the documented way in, cannot open
// listeners; chdb_query_cmdline behaves like `clickhouse local`, which can.
type chdb struct {
	queryCmdline  func(argc int32, argv unsafe.Pointer) uintptr
	resultError   func(result uintptr) uintptr
	destroyResult func(result uintptr)
	setSignals    func(enabled int32)
	sigaction     func(sig int32, act, old unsafe.Pointer) int32
}

func openLibrary(path string) (c *chdb, err error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("dlopen: %w", err)
	}
	libc, err := purego.Dlopen("libc.so.6", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("dlopen: %w", err)
	}
	c = new(chdb)
	for _, f := range []struct {
		target any
		handle uintptr
		name   string
	}{
		{&c.queryCmdline, handle, "chdb_query_cmdline"},
		{&c.resultError, handle, "chdb_result_error"},
		{&c.destroyResult, handle, "chdb_destroy_query_result"},
		{&c.setSignals, handle, "chdb_set_signal_handlers_enabled"},
		{&c.sigaction, libc, "sigaction"},
	} {
		symbol, err := purego.Dlsym(f.handle, f.name)
		if err != nil {
			return nil, fmt.Errorf("dlsym: %w", err)
		}
		purego.RegisterFunc(f.target, symbol)
	}
	return c, nil
}

// run hands the arguments to the engine and returns when it has ended.
func (c *chdb) run(args ...string) error {
	argv := make([]*byte, 0, len(args)+2)
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, arg := range append([]string{"clickhouse"}, args...) {
		b, err := unix.BytePtrFromString(arg)
		if err != nil {
			return fmt.Errorf("argument %q: %w", arg, err)
		}
		pin.Pin(b)
		argv = append(argv, b)
	}
	argv = append(argv, nil)
	pin.Pin(&argv[0])
	result := c.queryCmdline(int32(len(argv)-1), unsafe.Pointer(&argv[0]))
	if result == 0 {
		return errors.New("no result")
	}
	defer c.destroyResult(result)
	if message := c.resultError(result); message != 0 {
		return errors.New(goString(message))
	}
	return nil
}

// goString copies a C string. The address is read through a pointer to it, as vet allows no direct conversion of
// foreign memory.
func goString(address uintptr) string {
	return unix.BytePtrToString(*(**byte)(unsafe.Pointer(&address)))
}

// glibc's struct sigaction on x86-64: handler 8, mask 128, flags 4 (at 136), restorer 8.
const (
	sigactionSize  = 256 // room to spare
	sigactionFlags = 136
)

type sigaction [sigactionSize]byte

func (s *sigaction) handler() uintptr { return *(*uintptr)(unsafe.Pointer(&s[0])) }
func (s *sigaction) flags() *uint32   { return (*uint32)(unsafe.Pointer(&s[sigactionFlags])) }

// goSignals are those the Go runtime relies on. SIGRTMIN (34, system.stack_trace) and SIGUSR1 and SIGUSR2 (the query
// profiler) are the engine's: taking them away kills the process when they fire.
func goSignals() []int32 { return []int32{1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 15, 17, 23, 27, 28, 31} }

// snapshotSignals returns a function that puts back the present dispositions. The engine resets deadly signals
// to their defaults while it loads and again while it starts, which would take SIGSEGV and the like from Go.
func (c *chdb) snapshotSignals() (restore func()) {
	before := map[int32]*sigaction{}
	for _, sig := range goSignals() {
		s := new(sigaction)
		if c.sigaction(sig, nil, unsafe.Pointer(s)) == 0 {
			before[sig] = s
		}
	}
	return func() {
		for sig, old := range before {
			var now sigaction
			c.sigaction(sig, nil, unsafe.Pointer(&now))
			if now.handler() != old.handler() || *now.flags() != *old.flags() {
				c.sigaction(sig, unsafe.Pointer(old), nil)
			}
		}
	}
}

// onAltStack makes the engine's handler of a signal run on the signal stack: system.stack_trace sends SIGRTMIN to
// every thread, and a goroutine's stack is too small for it.
func (c *chdb) onAltStack(sig int32) {
	const saOnStack = 0x08000000
	var s sigaction
	if c.sigaction(sig, nil, unsafe.Pointer(&s)) != 0 || s.handler() <= 1 { // SIG_DFL or SIG_IGN
		return
	}
	*s.flags() |= saOnStack
	c.sigaction(sig, unsafe.Pointer(&s), nil)
}
