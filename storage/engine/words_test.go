package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, test := range []struct{ said, want string }{
		{"", ""},
		{"Logging information to /d/engine.log\nLogging errors to /d/engine.err.log\n", ""},
		{"half a line", "half a line"},
		{"one\n\ntwo\none\ntwo\n", "one\ntwo"},
		{"Cannot write: e.code() = 28, Stack trace (when copying this message, always include the lines below):\n\n" +
			"0. ? @ 0x000000001c8fa579\n14. start_thread @ 0x00000000000891f5\n (version 26.7.2.1)\n", "Cannot write: e.code() = 28"},
		{"SIGSEGV: segmentation violation\nPC=0x7f m=0 sigcode=0\nrax    0x293\nr9     0x0\nrflags 0x293\ncs     0x33\n", "SIGSEGV: segmentation violation\nPC=0x7f m=0 sigcode=0"},
		{strings.Repeat("x", 10*wordBytes), strings.Repeat("x", wordBytes)},
	} {
		w := new(words)
		for i := range test.said { // byte by byte: what a pipe may do
			if n, err := w.Write([]byte{test.said[i]}); n != 1 || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
		}
		if w.String() != test.want {
			t.Errorf("%q: kept %q; want %q", test.said, w, test.want)
		}
	}
	w := new(words)
	for i := range 100 {
		fmt.Fprintf(w, "line %d\n", i)
	}
	if got := strings.Split(w.String(), "\n"); len(got) != wordLines || got[wordLines-1] != "line 99" {
		t.Errorf("kept %q; want the last %d", got, wordLines)
	}
}

func FuzzWords(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte("0. ? @ 0x1\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		apart, whole := new(words), new(words)
		apart.Write(a)
		apart.Write(b)
		whole.Write(append(a[:len(a):len(a)], b...))
		if apart.String() != whole.String() {
			t.Errorf("in two writes %q, in one %q", apart, whole)
		}
		if n := len(whole.String()); n > (wordLines+1)*(wordBytes+1) {
			t.Errorf("kept %d bytes", n)
		}
	})
}

func TestClassify(t *testing.T) {
	for said, want := range map[string]error{
		"Code: 1000, e.code() = 28, File access error: no space left on device: /d/engine.log":                              ErrDiskFull,
		"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)":                           ErrDiskFull,
		"Code: 76. DB::Exception: Cannot lock file /d/status. Another server instance in same directory is already running": ErrDataDirInUse,
		"Listen [127.0.0.1]:1 failed: Net Exception: Address already in use":                                                ErrPortTaken,
		"Code: 62. DB::Exception: Syntax error":                                                                             nil,
	} {
		if got := classify(said); !errors.Is(got, want) {
			t.Errorf("%q: %v; want %v", said, got, want)
		}
	}
}
