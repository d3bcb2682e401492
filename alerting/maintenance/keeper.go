package maintenance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Annotations of the silences that make a window.
const (
	windowAnnotation = "trefoil_maintenance"
	planAnnotation   = "trefoil_maintenance_plan"
)

// turn is how often windows that repeat are looked after.
const turn = 30 * time.Second

// Config of a Keeper.
type Config struct {
	// Silences answers those in force; an error while they are not restored
	// yet. Required.
	Silences func() (*silence.Silences, error)
	// Store stores the silences that have changed. Required.
	Store  func(context.Context) error
	Logger *slog.Logger
}

// Keeper keeps windows. It is safe for concurrent use.
type Keeper struct {
	cfg Config
	mu  sync.Mutex // one change at a time
}

// New makes a keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// Run makes the next silence of each window that repeats when the one before
// has begun, until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(turn)
	defer ticker.Stop()
	for {
		_, notYet := k.cfg.Silences()
		if err := k.advance(ctx); err != nil && notYet == nil && ctx.Err() == nil {
			k.cfg.Logger.Error("the next occurrence of a maintenance window is not planned; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// advance plans the next occurrences.
func (k *Keeper) advance(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	silences, byWindow, err := k.windows(ctx)
	if err != nil {
		return err
	}
	var errs []error
	now := time.Now()
	for _, chain := range byWindow {
		last := chain[len(chain)-1]
		var p plan
		if last.Annotations[planAnnotation] == "" || !last.StartsAt.AsTime().Before(now) || ended(last) {
			continue
		}
		if err := json.Unmarshal([]byte(last.Annotations[planAnnotation]), &p); err != nil {
			errs = append(errs, err)
			continue
		}
		start, end, ok := p.next(now, last.StartsAt.AsTime())
		if !ok {
			continue
		}
		errs = append(errs, silences.Set(ctx, &silencepb.Silence{
			MatcherSets: last.MatcherSets, StartsAt: timestamppb.New(start), EndsAt: timestamppb.New(end),
			CreatedBy: last.CreatedBy, Comment: last.Comment, Annotations: last.Annotations,
		}))
	}
	return errors.Join(append(errs, k.cfg.Store(ctx))...)
}

// ended says whether a silence was ended before it began, which ends its window.
func ended(s *silencepb.Silence) bool { return !s.EndsAt.AsTime().After(s.StartsAt.AsTime()) }

// windows are the silences of each window, by their beginning.
func (k *Keeper) windows(ctx context.Context) (*silence.Silences, map[string][]*silencepb.Silence, error) {
	silences, err := k.cfg.Silences()
	if err != nil {
		return nil, nil, &fault.Error{Code: fault.Unavailable, Message: err.Error(), RetryAfter: 5 * time.Second, Err: err}
	}
	all, _, err := silences.Query(ctx)
	if err != nil {
		return nil, nil, err
	}
	byWindow := map[string][]*silencepb.Silence{}
	for _, s := range all {
		if id := s.Annotations[windowAnnotation]; id != "" {
			byWindow[id] = append(byWindow[id], s)
		}
	}
	for _, chain := range byWindow {
		slices.SortFunc(chain, func(a, b *silencepb.Silence) int { return a.StartsAt.AsTime().Compare(b.StartsAt.AsTime()) })
	}
	return silences, byWindow, nil
}

// Create makes a window and answers it. It is stored on return. Errors are
// *fault.Error.
func (k *Keeper) Create(ctx context.Context, w Window) (Window, error) {
	now := time.Now()
	matchers, err := w.check(now)
	if err != nil {
		return Window{}, err
	}
	id := strings.ToLower(rand.Text())
	annotations := map[string]string{windowAnnotation: id}
	start, end := w.StartsAt, w.EndsAt
	if w.Repeat != nil {
		p := w.plan()
		text, err := json.Marshal(p)
		if err != nil {
			return Window{}, fault.Of(err)
		}
		annotations[planAnnotation] = string(text)
		start, end, _ = p.next(now, time.Time{})
	}
	if start.Before(now) {
		start = now
	}
	k.mu.Lock()
	silences, err := k.cfg.Silences()
	if err == nil {
		err = silences.Set(ctx, &silencepb.Silence{
			MatcherSets: []*silencepb.MatcherSet{{Matchers: wire(matchers)}}, StartsAt: timestamppb.New(start), EndsAt: timestamppb.New(end),
			CreatedBy: w.CreatedBy, Comment: w.Comment, Annotations: annotations,
		})
	} else {
		err = &fault.Error{Code: fault.Unavailable, Message: err.Error(), RetryAfter: 5 * time.Second, Err: err}
	}
	k.mu.Unlock()
	return k.changed(ctx, id, err)
}

// End ends a window, now and for ever. What it silenced is told again. Errors
// are *fault.Error.
func (k *Keeper) End(ctx context.Context, id string) (Window, error) {
	k.mu.Lock()
	silences, byWindow, err := k.windows(ctx)
	if err == nil && byWindow[id] == nil {
		err = notFound(id)
	}
	if err == nil {
		var errs []error
		for _, s := range byWindow[id] {
			errs = append(errs, silences.Expire(ctx, s.Id))
		}
		// The end of one that repeats is a silence that ends before it begins;
		// there may be none that has not begun.
		chain := byWindow[id]
		if last := chain[len(chain)-1]; last.Annotations[planAnnotation] != "" && !last.StartsAt.AsTime().After(time.Now()) && !ended(last) {
			errs = append(errs, k.seal(ctx, silences, last))
		}
		err = errors.Join(errs...)
	}
	k.mu.Unlock()
	return k.changed(ctx, id, err)
}

// seal ends a chain whose last silence has begun.
func (k *Keeper) seal(ctx context.Context, silences *silence.Silences, last *silencepb.Silence) error {
	next := time.Now().Add(time.Hour)
	s := &silencepb.Silence{
		MatcherSets: last.MatcherSets, StartsAt: timestamppb.New(next), EndsAt: timestamppb.New(next.Add(time.Minute)),
		CreatedBy: last.CreatedBy, Comment: last.Comment, Annotations: last.Annotations,
	}
	if err := silences.Set(ctx, s); err != nil {
		return err
	}
	return silences.Expire(ctx, s.Id)
}

// changed stores a change that was made, unless there was an error, and answers the window as it is now.
func (k *Keeper) changed(ctx context.Context, id string, err error) (Window, error) {
	if err != nil {
		return Window{}, fault.Of(err)
	}
	if err := k.cfg.Store(ctx); err != nil {
		return Window{}, &fault.Error{Code: fault.Unavailable, RetryAfter: 5 * time.Second, Err: err,
			Message: "the change is in force but could not be stored, so a restart now would undo it; it is stored as soon as the store is back"}
	}
	return k.get(ctx, id)
}

// List answers all windows, those that are over for as long as Alertmanager
// keeps their silences, by their beginning. Errors are *fault.Error.
func (k *Keeper) List(ctx context.Context) ([]Window, error) {
	_, byWindow, err := k.windows(ctx)
	if err != nil {
		return nil, fault.Of(err)
	}
	list := make([]Window, 0, len(byWindow))
	for id, chain := range byWindow {
		list = append(list, describe(id, chain, time.Now()))
	}
	slices.SortFunc(list, func(a, b Window) int {
		return cmp.Or(a.StartsAt.Compare(b.StartsAt), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

func (k *Keeper) get(ctx context.Context, id string) (Window, error) {
	_, byWindow, err := k.windows(ctx)
	switch {
	case err != nil:
		return Window{}, fault.Of(err)
	case byWindow[id] == nil:
		return Window{}, notFound(id)
	}
	return describe(id, byWindow[id], time.Now()), nil
}

func notFound(id string) error {
	return &fault.Error{Code: fault.NotFound, Message: "there is no maintenance window " + id}
}

// describe makes a window of its silences.
func describe(id string, chain []*silencepb.Silence, now time.Time) Window {
	shown := chain[len(chain)-1]
	for i := len(chain) - 1; i >= 0; i-- { // the present one, or else the next
		if s := chain[i]; s.EndsAt.AsTime().After(now) {
			shown = s
		}
	}
	w := Window{
		ID: id, StartsAt: shown.StartsAt.AsTime(), EndsAt: shown.EndsAt.AsTime(),
		CreatedBy: shown.CreatedBy, Comment: shown.Comment, State: Over,
	}
	switch {
	case !w.EndsAt.After(now):
	case w.StartsAt.After(now):
		w.State = Planned
	default:
		w.State = Active
	}
	for _, set := range shown.MatcherSets {
		for _, m := range set.Matchers {
			w.Matchers = append(w.Matchers, m.Name+signs()[m.Type]+quote(m.Pattern))
		}
	}
	for _, s := range chain {
		w.Silences = append(w.Silences, s.Id)
	}
	var p plan
	if json.Unmarshal([]byte(shown.Annotations[planAnnotation]), &p) == nil {
		w.Repeat = &Repeat{Weekdays: p.Weekdays, Timezone: p.Timezone, Until: p.Until}
	}
	return w
}

func signs() map[silencepb.Matcher_Type]string {
	return map[silencepb.Matcher_Type]string{
		silencepb.Matcher_EQUAL: "=", silencepb.Matcher_NOT_EQUAL: "!=", silencepb.Matcher_REGEXP: "=~", silencepb.Matcher_NOT_REGEXP: "!~",
	}
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

func wire(matchers amlabels.Matchers) []*silencepb.Matcher {
	kinds := map[amlabels.MatchType]silencepb.Matcher_Type{
		amlabels.MatchEqual: silencepb.Matcher_EQUAL, amlabels.MatchNotEqual: silencepb.Matcher_NOT_EQUAL,
		amlabels.MatchRegexp: silencepb.Matcher_REGEXP, amlabels.MatchNotRegexp: silencepb.Matcher_NOT_REGEXP,
	}
	out := make([]*silencepb.Matcher, len(matchers))
	for i, m := range matchers {
		out[i] = &silencepb.Matcher{Type: kinds[m.Type], Name: m.Name, Pattern: m.Value}
	}
	return out
}
