package wal

import (
	"bytes"
	"encoding/hex"
	"os"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// systemBoot is the kernel's name for the time since the machine was started.
func systemBoot() (k segment.Key) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err == nil {
		if n, err := hex.Decode(k[:], bytes.ReplaceAll(bytes.TrimSpace(text), []byte("-"), nil)); err != nil || n != len(k) {
			return segment.Key{}
		}
	}
	return k
}
