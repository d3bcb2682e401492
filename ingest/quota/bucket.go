package quota

import (
	"sync"
	"time"
)

// bucketSeconds is how many seconds' worth a bucket holds: senders come in
// bursts, such as the scrapes of a minute.
const bucketSeconds = 10

// bucket is a token bucket that may be overdrawn.
type bucket struct {
	rate float64 // a second; 0: no limit

	mu   sync.Mutex
	left float64
	at   time.Time // when left was right
}

func newBucket(rate int64, now time.Time) bucket {
	return bucket{rate: float64(rate), left: float64(rate) * bucketSeconds, at: now}
}

// wait is how long until something is left; 0: there is.
func (b *bucket) wait(now time.Time) time.Duration {
	if b.rate <= 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	if b.left > 0 {
		return 0
	}
	return time.Duration(-b.left/b.rate*float64(time.Second)) + time.Millisecond
}

// take takes n, whatever is left.
func (b *bucket) take(now time.Time, n int64) {
	if b.rate <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	b.left -= float64(n)
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.left = min(b.left+b.rate*d.Seconds(), b.rate*bucketSeconds)
		b.at = now
	}
}
