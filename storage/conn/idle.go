package conn

import (
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
)

const (
	// idleMost is how many connections wait for the next bulk read.
	idleMost = 8
	// idleTime is how long one does.
	idleTime = 8 * time.Second
)

// idleClients are connections of bulk reads that went well. Making one, greeting
// included, costs both ends as much as a small read does. The zero value is
// empty and open.
type idleClients struct {
	mu     sync.Mutex
	list   []idleClient // the one used last at the end
	timer  *time.Timer  // to the end of the oldest's time, nil while none waits
	closed bool
}

type idleClient struct {
	client *ch.Client
	addr   Addr
	admin  bool // whose connection it is
	until  time.Time
}

// take gives out the connection of a user to an address that was used last, nil if
// there is none. Nobody knows whether the other end is still there.
func (i *idleClients) take(addr Addr, admin bool) *ch.Client {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := len(i.list) - 1; n >= 0; n-- {
		c := i.list[n]
		good := c.addr == addr && time.Now().Before(c.until)
		if good && c.admin != admin {
			continue
		}
		i.list = slices.Delete(i.list, n, n+1)
		if good {
			return c.client
		}
		c.client.Close()
	}
	return nil
}

// put keeps a connection, whose last read has been answered to its end, or
// closes it.
func (i *idleClients) put(client *ch.Client, addr Addr, admin bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || client.IsClosed() || len(i.list) >= idleMost {
		client.Close()
		return
	}
	i.list = append(i.list, idleClient{client, addr, admin, time.Now().Add(idleTime)})
	if i.timer == nil {
		i.timer = time.AfterFunc(idleTime, i.expire)
	}
}

// expire closes the connections that have waited long enough.
func (i *idleClients) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, n := time.Now(), 0
	for n < len(i.list) && !now.Before(i.list[n].until) {
		i.list[n].client.Close()
		n++
	}
	i.list = append(i.list[:0], i.list[n:]...)
	if i.timer = nil; len(i.list) > 0 {
		i.timer = time.AfterFunc(i.list[0].until.Sub(now), i.expire)
	}
}

// close closes all connections, and those that are put from now on.
func (i *idleClients) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for _, c := range i.list {
		c.client.Close()
	}
	i.list = nil
}
