package logstore

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Names is a bounded list of names or values, sorted.
type Names = attrcol.Names

// Services lists the services that have records in [from, to), at most limit of them
// (0 means 1,000). Those that send other signals only are not among them. No records are
// read: of a service that logged before and after on one day it is not known whether it
// did between.
func (s *Store) Services(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Names, error) {
	return s.resources.Services(ctx, t, logging(from, to), limit)
}

// ResourceKeys lists the keys of the attributes of the resources that Services are of, at
// most limit of them (0 means 1,000).
func (s *Store) ResourceKeys(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Names, error) {
	return s.resources.LabelNames(ctx, t, logging(from, to), limit)
}

// LabelNames lists the keys of the attributes of records in [from, to) and of
// resources as ResourceKeys does, at most limit of them (0 means 1,000). Of the records it looks
// at the newest, tens of thousands at least; Truncated tells when there are
// older ones.
func (s *Store) LabelNames(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Names, error) {
	limit = attrcol.Bound(limit)
	of, err := s.ResourceKeys(ctx, t, from, to, limit)
	if err != nil {
		return Names{}, err
	}
	own, err := sample(t, from, to).Keys(ctx, s.db, limit)
	return attrcol.Merge(own, of, limit), err
}

// LabelValues lists the texts an attribute has in records in [from, to) or in
// resources as Services does, at most limit of them (0 means 1,000). It looks at records as
// LabelNames does.
func (s *Store) LabelValues(ctx context.Context, t tenant.ID, key string, from, to time.Time, limit int) (Names, error) {
	of, err := s.ResourceValues(ctx, t, key, from, to, limit)
	if err != nil {
		return Names{}, err
	}
	own, err := s.RecordValues(ctx, t, key, from, to, limit)
	return attrcol.Merge(own, of, attrcol.Bound(limit)), err
}

// ResourceValues is LabelValues of resources alone.
func (s *Store) ResourceValues(ctx context.Context, t tenant.ID, key string, from, to time.Time, limit int) (Names, error) {
	return s.resources.LabelValues(ctx, t, key, logging(from, to), limit)
}

// RecordValues is LabelValues of records alone.
func (s *Store) RecordValues(ctx context.Context, t tenant.ID, key string, from, to time.Time, limit int) (Names, error) {
	return sample(t, from, to).Values(ctx, s.db, key, attrcol.Bound(limit))
}

// logging are the resources that have records in [from, to).
func logging(from, to time.Time) resourcestore.Seen {
	return resourcestore.Seen{From: from, To: to, Signal: resourcestore.Logs}
}

func sample(t tenant.ID, from, to time.Time) attrcol.Sample {
	return attrcol.Sample{
		Table:  attrcol.Table{Source: chsql.Table(table), During: during},
		Tenant: t, From: chsql.UnixNano(from), To: chsql.UnixNano(to),
	}
}
