package alerting

import (
	"sync"
	"time"
)

// flapping counts changes of state in the last hour, by the minute.
type flapping struct {
	mu      sync.Mutex
	minutes [60]int
	last    int64 // the minute of the newest entry, since 1970
}

// add notes n changes.
func (f *flapping) add(n int, at time.Time) {
	if n == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn(at)
	f.minutes[f.last%60] += n
}

// inLastHour is how many there were.
func (f *flapping) inLastHour(at time.Time) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn(at)
	for _, m := range f.minutes {
		n += m
	}
	return n
}

// turn forgets the minutes that are an hour old.
func (f *flapping) turn(at time.Time) {
	now := at.Unix() / 60
	for m := max(f.last+1, now-59); m <= now; m++ {
		f.minutes[m%60] = 0
	}
	f.last = max(f.last, now)
}
