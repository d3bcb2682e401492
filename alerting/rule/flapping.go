package rule

import "time"

// changesByMinute counts changes of state in the last hour.
type changesByMinute struct {
	minutes [60]int
	last    int64 // the minute of the newest entry, since 1970
}

func (c *changesByMinute) add(n int, at time.Time) {
	if n == 0 {
		return
	}
	c.turn(at)
	c.minutes[c.last%60] += n
}

// turn forgets the minutes that are an hour old.
func (c *changesByMinute) turn(at time.Time) {
	now := at.Unix() / 60
	for m := max(c.last+1, now-59); m <= now; m++ {
		c.minutes[m%60] = 0
	}
	c.last = max(c.last, now)
}

// ChangedInLastHour is how often instances have changed their state by Step in
// the hour before a time.
func (s *Set) ChangedInLastHour(at time.Time) (n int) {
	s.changed.turn(at)
	for _, m := range s.changed.minutes {
		n += m
	}
	return n
}
