//go:build !linux

package wal

func systemBoot() Key { return Key{} }
