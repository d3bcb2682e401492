package wal

import (
	"bytes"
	"encoding/hex"
	"os"
)

// systemBoot is the kernel's name for the time since the machine was started.
func systemBoot() (k Key) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err == nil {
		if n, err := hex.Decode(k[:], bytes.ReplaceAll(bytes.TrimSpace(text), []byte("-"), nil)); err != nil || n != len(k) {
			return Key{}
		}
	}
	return k
}
