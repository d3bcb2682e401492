package bulkframe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Store holds the columns of frames until their stand-ins reach the Codec. It is
// safe for concurrent use.
type Store struct {
	// prefix begins the name of every stand-in. No text of a user's can be one:
	// half of it is random.
	prefix []byte

	mu    sync.Mutex
	last  uint64
	files map[string]*file // by the stand-in's name
}

// NewStore has nothing in it.
func NewStore() *Store {
	secret := make([]byte, 16)
	rand.Read(secret)
	return &Store{prefix: []byte("trefoil-stand-in-" + hex.EncodeToString(secret) + "-"), files: map[string]*file{}}
}

// request is where the frames of one request go.
type request struct {
	store *Store
	until context.Context
}

type requestKey struct{}

// Attach lets StandIn work under the context it returns, which may be one of a
// part of the request. Frames are kept until ctx ends, which a request's does
// when it has been answered, whatever became of the answer.
func (s *Store) Attach(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, request{s, ctx})
}

// Attached tells whether StandIn works under ctx.
func Attached(ctx context.Context) bool {
	_, ok := ctx.Value(requestKey{}).(request)
	return ok
}

// StandIn takes a frame and gives out the one to return to the SDK in its place.
// The columns must not change any more. ctx is one that Attach made.
func StandIn(ctx context.Context, f Frame) (*data.Frame, error) {
	r, ok := ctx.Value(requestKey{}).(request)
	if !ok {
		return nil, errors.New("bulkframe: nobody takes stand-ins here")
	}
	file, err := f.file()
	if err != nil {
		return nil, err
	}
	out := data.NewFrame(r.store.keep(r.until, file))
	out.RefID = f.Schema.RefID
	return out, nil
}

// keep names a file and holds it until the context ends.
func (s *Store) keep(until context.Context, f *file) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	// The end mark keeps 1 from being the beginning of 10.
	name := string(s.prefix) + strconv.FormatUint(s.last, 10) + ";"
	s.files[name] = f
	context.AfterFunc(until, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.files, name)
	})
	return name
}

// mostOfStandIn is more bytes than the SDK needs for a frame of nothing but a name.
const mostOfStandIn = 4096

// file is the file for which the SDK's form of a frame stands, nil if it is the
// frame itself.
func (s *Store) file(frame []byte) *file {
	if len(frame) > mostOfStandIn {
		return nil
	}
	at := bytes.Index(frame, s.prefix)
	if at < 0 {
		return nil
	}
	end := bytes.IndexByte(frame[at:], ';')
	if end < 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[string(frame[at:at+end+1])]
}
