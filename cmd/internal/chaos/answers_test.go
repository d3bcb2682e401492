package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// answers counts what the exporters' single attempts were answered, retries
// included, which an exporter does not show. One good answer in loseOneIn gets
// lost on its way, so that requests that are stored come again, some of them
// after a kill.
type answers struct {
	mu     sync.Mutex
	counts map[string]int
}

const loseOneIn = 50

func lost() bool { return rand.IntN(loseOneIn) == 0 }

// Kinds of answers that tests ask for by name.
const (
	grpcOK, httpOK, writeOK, pushOK, jsonOK           = "grpc OK", "http 200", "write 204", "push 204", "json 200"
	grpcLost, httpLost, writeLost, pushLost, jsonLost = "grpc OK but lost", "http 200 but lost", "write 204 but lost", "push 204 but lost", "json 200 but lost"
	givenUp                                           = "given up"
	// These say when to come back.
	grpcRefusal  = "grpc RESOURCE_EXHAUSTED with RetryInfo"
	httpRefusal  = "http 429 with Retry-After"
	writeRefusal = "write 503 with Retry-After" // Prometheus drops what gets a 429
	pushRefusal  = "push 429 with Retry-After"
	jsonRefusal  = "json 429 with Retry-After"
)

func newAnswers() *answers { return &answers{counts: map[string]int{}} }

func (a *answers) add(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[what]++
}

func (a *answers) of(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts[what]
}

// kinds lists the answers there were.
func (a *answers) kinds() (kinds []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for kind := range a.counts {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (a *answers) String() string {
	var all []string
	for _, kind := range a.kinds() {
		all = append(all, fmt.Sprintf("%s %d", kind, a.of(kind)))
	}
	return strings.Join(all, " · ")
}

// attemptsKey finds the counter of an export's attempts in its context.
type attemptsKey struct{}

func countAttempts(ctx context.Context) (context.Context, *atomic.Int32) {
	n := &atomic.Int32{}
	return context.WithValue(ctx, attemptsKey{}, n), n
}

func attempt(ctx context.Context) {
	if n, ok := ctx.Value(attemptsKey{}).(*atomic.Int32); ok {
		n.Add(1)
	}
}

// unary watches the attempts over gRPC.
func (a *answers) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	attempt(ctx)
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err != nil && over(ctx) {
		a.add(givenUp)
		return err
	}
	if err == nil && lost() {
		a.add(grpcLost)
		return status.Error(codes.Unavailable, "the answer is lost")
	}
	a.add("grpc " + describe(status.Convert(err)))
	return err
}

// over tells whether the time of an export is up, or so close to it that the
// other side, which knows the deadline too, may have been first.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < 20*time.Millisecond
}

func describe(s *status.Status) string {
	switch s.Code() {
	case codes.OK:
		return "OK"
	case codes.ResourceExhausted:
		for _, d := range s.Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok && info.GetRetryDelay().AsDuration() > 0 {
				return "RESOURCE_EXHAUSTED with RetryInfo"
			}
		}
		return "RESOURCE_EXHAUSTED without RetryInfo"
	}
	return s.Code().String()
}

// watched watches the attempts over HTTP. A connection that breaks is called
// temporary, as it is behind a proxy that would answer 503: the SDK sends again
// only then, and requests that come twice are what is to be tested.
type watched struct {
	door    door
	next    http.RoundTripper
	answers *answers
}

func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	attempt(req.Context())
	res, err := w.next.RoundTrip(req)
	switch {
	case err != nil && over(req.Context()):
		w.answers.add(givenUp)
		return nil, err
	case err != nil:
		w.answers.add(fmt.Sprintf("%v no answer", w.door))
		return nil, broken{err}
	}
	if res.StatusCode/100 == 2 && lost() {
		w.answers.add(fmt.Sprintf("%v %d but lost", w.door, res.StatusCode))
		res.Body.Close()
		return nil, broken{errors.New("the answer is lost")}
	}
	what := fmt.Sprintf("%v %d", w.door, res.StatusCode)
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		what += " with Retry-After"
	}
	w.answers.add(what)
	return res, nil
}

type broken struct{ error }

func (b broken) Unwrap() error { return b.error }
func (broken) Temporary() bool { return true }
