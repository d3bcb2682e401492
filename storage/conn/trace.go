package conn

import "context"

// Ran is a select that has run.
type Ran struct {
	Op, SQL string
	Stats   Stats
}

type tracedKey struct{}

// Traced returns a context whose selects are told of when they have run, those
// that failed too; each is called from several goroutines. Whoever was told before is
// told as well.
func Traced(ctx context.Context, each func(Ran)) context.Context {
	if outer, ok := ctx.Value(tracedKey{}).(func(Ran)); ok {
		inner := each
		each = func(r Ran) { outer(r); inner(r) }
	}
	return context.WithValue(ctx, tracedKey{}, each)
}

func traced(ctx context.Context, op, sql string, s Stats) {
	if each, ok := ctx.Value(tracedKey{}).(func(Ran)); ok {
		each(Ran{op, sql, s})
	}
}
