package promexpr

import (
	"testing"
	"time"
)

func TestReach(t *testing.T) {
	p := NewParser(Features{})
	for expr, want := range map[string]time.Duration{
		`m`:                      5 * time.Minute,
		`rate(m[10m] offset 1h)`: 75 * time.Minute,
		`max_over_time(rate(m[5m])[1h:10m] offset 1m)`: 5*time.Minute + 5*time.Minute + time.Hour + 10*time.Minute + time.Minute,
		`m + rate(m[1h])`:             65 * time.Minute,
		`sum(m) / scalar(m)`:          5 * time.Minute,
		`m offset -1m`:                -1,
		`m @ end()`:                   -1,
		`m @ 17`:                      -1,
		`rate(m[5m] @ start())`:       -1,
		`max_over_time(m[1h:] @ 100)`: -1,
		`info(m)`:                     -1,
		`limitk(2, m)`:                -1,
		`vector(1)`:                   -1,
		`rate(m[range()])`:            -1,
		`rate(m[5m] smoothed)`:        -1,
		`nonsense(`:                   -1,
	} {
		got := p.Facts(expr, 5*time.Minute).Reach
		if want > 0 && got != want.Milliseconds() || want < 0 && got != -1 {
			t.Errorf("%s reaches %d ms back, want %s", expr, got, want)
		}
	}
}
