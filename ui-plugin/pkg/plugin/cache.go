package plugin

import (
	"sync"
	"time"
)

const (
	cacheFor  = 30 * time.Second
	cacheMost = 256 // answers; the oldest go first
)

// cache keeps lists of names for a while: an editor asks for the same ones at
// every keystroke of every panel. It is one data source's, and so one tenant's.
type cache struct {
	mu   sync.Mutex
	kept map[string]listed
	now  func() time.Time
}

type listed struct {
	names []string
	at    time.Time
}

func newCache() *cache { return &cache{kept: map[string]listed{}, now: time.Now} }

// get is the list kept under key, or what load answers. Failures are not kept.
// Two calls at once may both load.
func (c *cache) get(key string, load func() ([]string, error)) ([]string, error) {
	c.mu.Lock()
	found, ok := c.kept[key]
	c.mu.Unlock()
	if ok && c.now().Sub(found.at) < cacheFor {
		return found.names, nil
	}
	names, err := load()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= cacheMost {
		oldest, first := "", true
		for k, v := range c.kept {
			if first || v.at.Before(c.kept[oldest].at) {
				oldest, first = k, false
			}
		}
		delete(c.kept, oldest)
	}
	c.kept[key] = listed{names, c.now()}
	return names, nil
}
