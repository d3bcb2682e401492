package logexec

import (
	"time"

	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// grid lays the windows of a range aggregation over time. The i-th step looks at
// (origin+i*step, origin+i*step+window]. Windows are cut into tiles of one width,
// so that what overlaps is aggregated once:
//
//	step 0   |--tile--|--tile--|--tile--|
//	step 1            |--tile--|--tile--|--tile--|
//
// Where steps are as long as windows or longer, a step is a tile, of which the
// first part counts. Times are Unix nanoseconds.
type grid struct {
	origin, window, step, tile int64
	steps                      int
}

// maxTilesPerStep bounds how fine tiles may be; where they would be finer, every
// sample is added to each window it is in.
const maxTilesPerStep = 64

func newGrid(start time.Time, steps int, step, window, offset time.Duration) grid {
	g := grid{window: int64(window), step: int64(step), steps: steps}
	g.origin = start.UnixNano() - int64(offset) - g.window
	if steps == 1 || g.step >= g.window {
		if steps == 1 {
			g.step = g.window
		}
		g.tile = g.step
		return g
	}
	g.tile = gcd(g.step, g.window)
	if g.step/g.tile > maxTilesPerStep {
		g.tile = 0
	}
	return g
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// span is the time all windows together look at, [from, to).
func (g grid) span() (from, to time.Time) {
	return time.Unix(0, g.origin+1), time.Unix(0, g.origin+int64(g.steps-1)*g.step+g.window+1)
}

// tiles are the tiles [lo, hi) that a sample at a time is added to.
func (g grid) tiles(t int64) (lo, hi int) {
	since := t - g.origin - 1
	if since < 0 {
		return 0, 0
	}
	if g.tile > 0 {
		k := since / g.tile
		if g.tile == g.step && since%g.tile >= g.window {
			return 0, 0
		}
		return int(k), int(k) + 1
	}
	hi = min(int(since/g.step)+1, g.steps)
	if before := since - g.window; before >= 0 {
		lo = int(before/g.step) + 1
	}
	return lo, hi
}

// of are the tiles [lo, hi) of a step.
func (g grid) of(step int) (lo, hi int) {
	if g.tile == 0 || g.tile == g.step && g.step >= g.window {
		return step, step + 1
	}
	lo = step * int(g.step/g.tile)
	return lo, lo + int(g.window/g.tile)
}

// stored are the tiles as the server counts by them; not ok if it cannot.
func (g grid) stored() (logstore.Tiles, bool) {
	t := logstore.Tiles{Origin: g.origin, Width: g.tile}
	if g.step > g.window {
		t.Window = g.window
	}
	return t, g.tile > 0
}
