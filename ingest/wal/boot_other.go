//go:build !linux

package wal

import "github.com/trefoil-o11y/trefoil/ingest/segment"

func systemBoot() segment.Key { return segment.Key{} }
