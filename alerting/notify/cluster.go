package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/cluster"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/client_golang/prometheus"
)

// ClusterConfig says with whom to gossip.
type ClusterConfig struct {
	// Listen is the host:port for gossip, over TCP and UDP; Advertise is the
	// one that peers are told, if it is another.
	Listen, Advertise string
	// Peers are the host:ports of others, Trefoil's or Alertmanager's.
	Peers []string
	// PeerTimeout is how long each peer waits for the one before it to tell a
	// receiver. Default 15s, as Alertmanager's.
	PeerTimeout time.Duration
	Logger      *slog.Logger
	Registerer  prometheus.Registerer // not nil
}

// Cluster is this process among Alertmanagers that tell each other what
// receivers have been told, and silences. It outlives the Alertmanagers made
// in this process; it speaks for the one at work.
type Cluster struct {
	peer    *cluster.Peer
	timeout time.Duration
	cancel  context.CancelFunc
	told    cluster.ClusterChannel
	silent  cluster.ClusterChannel
	at      atomic.Pointer[Alertmanager]
}

// Join begins to gossip. Peers that are not there are tried again.
func Join(cfg ClusterConfig) (*Cluster, error) {
	if cfg.PeerTimeout <= 0 {
		cfg.PeerTimeout = cluster.DefaultProbeInterval * 15
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	log := cfg.Logger.With("component", "gossip")
	peer, err := cluster.Create(log, cfg.Registerer, cfg.Listen, cfg.Advertise, cfg.Peers, false,
		cluster.DefaultPushPullInterval, cluster.DefaultGossipInterval, cluster.DefaultTCPTimeout,
		cluster.DefaultResolvePeersTimeout, cluster.DefaultProbeTimeout, cluster.DefaultProbeInterval, nil, false, "", "")
	if err != nil {
		return nil, fmt.Errorf("notify: cluster: %w", err)
	}
	c := &Cluster{peer: peer, timeout: cfg.PeerTimeout}
	// The keys are Alertmanager's.
	c.told = peer.AddState("nfl", gossiped{c, func(a *Alertmanager) cluster.State { return a.notified.inner }}, cfg.Registerer)
	c.silent = peer.AddState("sil", gossiped{c, func(a *Alertmanager) cluster.State { return a.silences }}, cfg.Registerer)
	if err := peer.Join(cluster.DefaultReconnectInterval, cluster.DefaultReconnectTimeout); err != nil {
		log.Warn("no peer is there yet", "err", err) // They may come later.
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go peer.Settle(ctx, 10*cluster.DefaultGossipInterval)
	return c, nil
}

// Address is where this one gossips.
func (c *Cluster) Address() string { return c.peer.Self().Address() }

// Leave says good-bye to the others.
func (c *Cluster) Leave(timeout time.Duration) error {
	c.cancel()
	return c.peer.Leave(timeout)
}

// wait is how long to wait for the peers before this one, so that what they
// have told is known here.
func (c *Cluster) wait() time.Duration {
	return time.Duration(c.peer.Position()) * c.timeout
}

// attach makes an Alertmanager the one that is spoken for.
func (c *Cluster) attach(a *Alertmanager) {
	a.notified.inner.SetBroadcast(c.told.Broadcast)
	a.silences.SetBroadcast(func(entry []byte) {
		a.book.note(entry)
		c.silent.Broadcast(entry)
	})
	c.at.Store(a)
}

func (c *Cluster) detach(a *Alertmanager) { c.at.CompareAndSwap(a, nil) }

// settled is the stage that waits until the first peers are known.
func (c *Cluster) settled() amnotify.Stage { return amnotify.NewClusterGossipSettleStage(c.peer) }

// turn is the stage that waits for the peers before this one.
func (c *Cluster) turn() amnotify.Stage { return amnotify.NewClusterWaitStage(c.wait) }

// gossiped is the state of the Alertmanager at work; there may be none.
type gossiped struct {
	c  *Cluster
	of func(*Alertmanager) cluster.State
}

var errNotAtWork = errors.New("no Alertmanager is at work here")

// MarshalBinary implements cluster.State.
func (g gossiped) MarshalBinary() ([]byte, error) {
	if a := g.c.at.Load(); a != nil {
		return g.of(a).MarshalBinary()
	}
	return nil, nil
}

// Merge implements cluster.State. What comes before there is an Alertmanager
// comes again: peers exchange all they know every minute.
func (g gossiped) Merge(b []byte) error {
	if a := g.c.at.Load(); a != nil {
		return g.of(a).Merge(b)
	}
	return errNotAtWork
}
