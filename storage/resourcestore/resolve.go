package resourcestore

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Ref is where a record points at its resource and scope, which hold no more
// than their ids before Resolve; nil for what is not wanted.
type Ref struct {
	Service  string // of the record
	Resource **Row
	Scope    **ScopeRow
}

// Resolve gives records of [from, to] their resources and scopes. Those that are
// not stored stay empty but for the id and the service.
func (s *Store) Resolve(ctx context.Context, t tenant.ID, refs []Ref, from, to time.Time) error {
	if len(refs) == 0 {
		return nil
	}
	var ids, scopeIDs []uint64
	for _, r := range refs {
		if r.Resource != nil {
			ids = append(ids, (*r.Resource).ID)
		}
		if r.Scope != nil {
			scopeIDs = append(scopeIDs, (*r.Scope).ID)
		}
	}
	resources, err := s.Resources(ctx, t, ids, from, to)
	if err != nil {
		return err
	}
	scopes, err := s.Scopes(ctx, t, scopeIDs, from, to)
	if err != nil {
		return err
	}
	for _, r := range refs {
		if r.Resource != nil {
			if found := resources[(*r.Resource).ID]; found != nil {
				*r.Resource = found
			} else {
				(*r.Resource).Service = r.Service
			}
		}
		if r.Scope != nil {
			if found := scopes[(*r.Scope).ID]; found != nil {
				*r.Scope = found
			}
		}
	}
	return nil
}
