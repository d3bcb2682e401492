package enginelib

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// libraryEntry is the library's name in the package's archive.
const libraryEntry = "package/" + libraryName

// Install brings the pinned library to dst (Path for most) with npm, which is all it needs. It is cheap when
// the library is already there. progress, which may be nil, is told how many of Size bytes are unpacked; its
// first call, with 0, comes before the download of 178 MB. Concurrent installs do not disturb each other, and dst is
// never seen half written.
func Install(ctx context.Context, dst string, progress func(done, total int64)) error {
	if !Supported {
		return fmt.Errorf("engine: install: %w", ErrUnsupported)
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if _, err := os.Stat(dst); err == nil && Verify(ctx, dst) == nil {
		progress(Size, Size)
		return nil
	}
	dir := filepath.Dir(dst)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("engine: install: %w", err)
	}
	work, err := os.MkdirTemp(dir, ".install-")
	if err != nil {
		return fmt.Errorf("engine: install: %w", err)
	}
	defer os.RemoveAll(work)

	progress(0, Size)
	archive, err := npmPack(ctx, work)
	if err != nil {
		return fmt.Errorf("engine: install: %w", err)
	}
	unpacked := filepath.Join(work, libraryName)
	if err := unpackLibrary(ctx, archive, unpacked, progress); err != nil {
		return fmt.Errorf("engine: install: %s@%s: %w", Package, Version, err)
	}
	if err := os.Rename(unpacked, dst); err != nil {
		return fmt.Errorf("engine: install: %w", err)
	}
	info, err := os.Stat(dst)
	if err == nil {
		err = writeStamp(dst, stamp{Size: info.Size(), ModTime: info.ModTime().UnixNano(), SHA256: SHA256})
	}
	if err != nil {
		return fmt.Errorf("engine: install: %w", err)
	}
	return nil
}

// npmPack downloads the package's archive into dir with the user's own npm settings and returns its path.
func npmPack(ctx context.Context, dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is needed to bring the engine: %w", err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, npm, "pack", Package+"@"+Version, "--pack-destination", dir, "--ignore-scripts", "--loglevel=error")
	cmd.Dir = dir // no package.json or .npmrc of the caller's directory has a say
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("npm pack: %d archives in %s, want one", len(found), dir)
	}
	return found[0], nil
}

// unpackLibrary writes the library out of the archive to dst and checks its hash on the way.
func unpackLibrary(ctx context.Context, archive, dst string, progress func(done, total int64)) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(&contextReader{ctx: ctx, r: f})
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	entries := tar.NewReader(unzipped)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("archive: no %s", libraryEntry)
		}
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		if entry.Name == libraryEntry {
			return writeLibrary(entries, entry.Size, dst, progress)
		}
	}
}

func writeLibrary(r io.Reader, size int64, dst string, progress func(done, total int64)) error {
	if size != Size {
		return fmt.Errorf("%w: %d bytes, want %d", ErrHash, size, Size)
	}
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	hash := sha256.New()
	counter := &progressWriter{total: size, progress: progress}
	_, err = io.CopyBuffer(io.MultiWriter(out, hash, counter), r, make([]byte, 1<<20))
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != SHA256 {
		return fmt.Errorf("%w: archive has %s, want %s", ErrHash, sum, SHA256)
	}
	return nil
}

// progressWriter counts bytes and reports each whole percent.
type progressWriter struct {
	done, total int64
	progress    func(done, total int64)
}

func (p *progressWriter) Write(b []byte) (int, error) {
	before := p.done * 100 / p.total
	p.done += int64(len(b))
	if p.done*100/p.total != before {
		p.progress(p.done, p.total)
	}
	return len(b), nil
}
