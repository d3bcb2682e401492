package notify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// Key names a line of the notification log.
type Key struct {
	// Receiver is the receiver's name, Group the group key.
	Receiver, Group string
}

// Entry is what one receiver knows about one group.
type Entry struct {
	Key Key
	// Sent is the last delivery that is known to have succeeded; its ID is
	// empty when there was none.
	Sent Delivery
	// Intent is a delivery that was begun and whose outcome is not known, so
	// that the receiver may know of it; its ID is empty when there is none.
	Intent Delivery
}

// Delivery is one notification, delivered or meant to be.
type Delivery struct {
	// ID is made of the content and of the delivery before; it is sent as the
	// Idempotency-Key.
	ID string
	At time.Time
	// Firing and Resolved are fingerprints, sorted.
	Firing, Resolved []uint64
	// Body is the JSON of the notification.
	Body []byte
}

// reason says why a notification goes out, in Alertmanager's words.
type reason string

const (
	doNotNotify     reason = "none"
	firstTime       reason = "first notification"
	newAlerts       reason = "new alerts added"
	someResolved    reason = "some alerts resolved"
	allResolved     reason = "all alerts resolved"
	repeatElapsed   reason = "repeat interval elapsed"
	maxIDBytes             = 16
	idempotencyName        = "Idempotency-Key"
)

// decide is Alertmanager's rule for when a receiver has to be told about a
// group again, given what it was told last.
func decide(last *Delivery, firing, resolved []uint64, repeat time.Duration, now time.Time) reason {
	switch {
	case last.ID == "" && len(firing) > 0:
		return firstTime
	case last.ID == "":
		return doNotNotify
	case !subset(firing, last.Firing) && len(last.Firing) == 0:
		return firstTime
	case !subset(firing, last.Firing):
		return newAlerts
	case len(firing) == 0 && len(last.Firing) > 0:
		return allResolved
	case len(firing) == 0:
		return doNotNotify
	case !subset(resolved, last.Resolved):
		return someResolved
	case now.Sub(last.At) >= repeat:
		return repeatElapsed
	}
	return doNotNotify
}

// decideUnknown says what is still owed when decide says nothing but the
// outcome of an intent is unknown: the receiver may believe that its alerts
// fire, so it hears of those that do not any more.
func decideUnknown(intent *Delivery, firing, resolved []uint64) reason {
	for _, told := range [][]uint64{intent.Firing, intent.Resolved} {
		for _, fp := range told {
			if _, over := slices.BinarySearch(resolved, fp); over && len(firing) == 0 {
				return allResolved
			} else if over {
				return someResolved
			}
		}
	}
	return doNotNotify
}

// subset says whether every element of the sorted a is in the sorted b.
func subset(a, b []uint64) bool {
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			return false
		}
	}
	return true
}

// partition answers the sorted fingerprints of firing and resolved alerts.
func partition(alerts []*Alert) (firing, resolved []uint64) {
	for _, a := range alerts {
		if a.Resolved() {
			resolved = append(resolved, a.Fingerprint())
		} else {
			firing = append(firing, a.Fingerprint())
		}
	}
	slices.Sort(firing)
	slices.Sort(resolved)
	return firing, resolved
}

// deliveryID names a notification by its scope, its receiver and group, the
// delivery before it, and each alert's identity, state and times. A process
// that decides the same thing again, after a crash or a failure, comes to the
// same id; a repetition four hours later does not.
func deliveryID(scope string, key Key, before string, alerts []*Alert) string {
	h := sha256.New()
	for _, text := range []string{scope, key.Receiver, key.Group, before} {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	lines := make([][]byte, 0, len(alerts))
	for _, a := range alerts {
		line := binary.BigEndian.AppendUint64(nil, a.Fingerprint())
		line = binary.BigEndian.AppendUint64(line, uint64(a.StartsAt.UnixNano()))
		if a.Resolved() {
			line = binary.BigEndian.AppendUint64(line, uint64(a.EndsAt.UnixNano()))
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, slices.Compare[[]byte])
	for _, line := range lines {
		h.Write(binary.AppendUvarint(nil, uint64(len(line))))
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil)[:maxIDBytes])
}
