package alertstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// States of an instance.
const (
	Inactive uint8 = 0
	Pending  uint8 = 1
	Firing   uint8 = 2
)

// Instance is the state of one alert instance at UpdatedAt. Times that have
// not come are zero.
type Instance struct {
	RuleID      uint64
	Fingerprint uint64 // of the labels
	Group       string // the rule group's name, for people
	Alert       string
	State       uint8

	ActiveAt, FiredAt, ResolvedAt, KeepFiringSince time.Time

	Value       float64
	Labels      map[string]string
	Annotations map[string]string
	UpdatedAt   time.Time
}

// PutInstances stores the present state of instances. Repeating it with the
// same token and rows adds nothing.
func (s *Store) PutInstances(ctx context.Context, t tenant.ID, token string, rows []Instance) error {
	if len(rows) == 0 {
		return nil
	}
	var (
		tenants, groups, alerts                  block.Dict
		days                                     proto.ColUInt16
		rules, fingerprints                      proto.ColUInt64
		states                                   proto.ColUInt8
		active, fired, resolved, keeping, update proto.ColInt64
		values                                   proto.ColFloat64
		labels, notes                            = stringMap(), stringMap()
	)
	for i := range rows {
		r := &rows[i]
		tenants.Append(string(t))
		days.Append(s.days)
		rules.Append(r.RuleID)
		fingerprints.Append(r.Fingerprint)
		groups.Append(r.Group)
		alerts.Append(r.Alert)
		states.Append(r.State)
		active.Append(nanos(r.ActiveAt))
		fired.Append(nanos(r.FiredAt))
		resolved.Append(nanos(r.ResolvedAt))
		keeping.Append(nanos(r.KeepFiringSince))
		values.Append(r.Value)
		labels.Append(r.Labels)
		notes.Append(r.Annotations)
		update.Append(nanos(r.UpdatedAt))
	}
	return s.insert(ctx, instancesTable, token, len(rows), proto.Input{
		{Name: "tenant", Data: &tenants},
		{Name: "retention_days", Data: &days},
		{Name: "rule_id", Data: &rules},
		{Name: "fingerprint", Data: &fingerprints},
		{Name: "group_name", Data: &groups},
		{Name: "alert", Data: &alerts},
		{Name: "state", Data: &states},
		column("active_at", &active),
		column("fired_at", &fired),
		column("resolved_at", &resolved),
		column("keep_firing_since", &keeping),
		{Name: "value", Data: &values},
		{Name: "labels", Data: labels},
		{Name: "annotations", Data: notes},
		column("updated_at", &update),
	})
}

const selectInstances = `SELECT rule_id, fingerprint, group_name, alert, state, active_at, fired_at, resolved_at,
  keep_firing_since, value, labels, annotations, updated_at
FROM (
  SELECT * FROM alert_instances
  WHERE tenant = {tenant:String}
  ORDER BY updated_at DESC
  LIMIT 1 BY rule_id, fingerprint
)
WHERE state > 0 OR resolved_at >= fromUnixTimestamp64Nano({since:Int64})
ORDER BY rule_id, fingerprint`

// Instances answers the pending and firing instances, and those resolved since
// a time.
func (s *Store) Instances(ctx context.Context, t tenant.ID, resolvedSince time.Time) ([]Instance, error) {
	var out []Instance
	_, err := s.db.Select(ctx, conn.Query{
		Op: "alert instances", SQL: selectInstances,
		Params: map[string]string{"tenant": string(t), "since": strconv.FormatInt(resolvedSince.UnixNano(), 10)},
	}, func(rows driver.Rows) error {
		var r Instance
		if err := rows.Scan(&r.RuleID, &r.Fingerprint, &r.Group, &r.Alert, &r.State, &r.ActiveAt, &r.FiredAt,
			&r.ResolvedAt, &r.KeepFiringSince, &r.Value, &r.Labels, &r.Annotations, &r.UpdatedAt); err != nil {
			return err
		}
		for _, at := range []*time.Time{&r.ActiveAt, &r.FiredAt, &r.ResolvedAt, &r.KeepFiringSince, &r.UpdatedAt} {
			*at = fromTable(*at)
		}
		s.seen(r.UpdatedAt)
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("alertstore: instances: %w", err)
	}
	return out, nil
}

// Evaluation is when a group was last evaluated.
type Evaluation struct {
	GroupID uint64
	Group   string // its name, for people
	At      time.Time
}

// PutEvaluations stores when groups were last evaluated.
func (s *Store) PutEvaluations(ctx context.Context, t tenant.ID, rows []Evaluation) error {
	if len(rows) == 0 {
		return nil
	}
	var (
		tenants, names block.Dict
		days           proto.ColUInt16
		ids            proto.ColUInt64
		at, update     proto.ColInt64
		stamp          = s.Stamp()
	)
	for _, r := range rows {
		tenants.Append(string(t))
		days.Append(s.days)
		ids.Append(r.GroupID)
		names.Append(r.Group)
		at.Append(nanos(r.At))
		update.Append(nanos(stamp))
	}
	token := fmt.Sprintf("%s/evaluations/%d", t, stamp.UnixNano())
	return s.insert(ctx, groupsTable, token, len(rows), proto.Input{
		{Name: "tenant", Data: &tenants},
		{Name: "retention_days", Data: &days},
		{Name: "group_id", Data: &ids},
		{Name: "group_name", Data: &names},
		column("evaluated_at", &at),
		column("updated_at", &update),
	})
}

const selectEvaluations = `SELECT group_id, argMax(group_name, updated_at), argMax(evaluated_at, updated_at)
FROM alert_groups
WHERE tenant = {tenant:String}
GROUP BY group_id
ORDER BY group_id`

// Evaluations answers when the groups were last evaluated.
func (s *Store) Evaluations(ctx context.Context, t tenant.ID) ([]Evaluation, error) {
	var out []Evaluation
	_, err := s.db.Select(ctx, conn.Query{
		Op: "alert groups", SQL: selectEvaluations, Params: map[string]string{"tenant": string(t)},
	}, func(rows driver.Rows) error {
		var r Evaluation
		if err := rows.Scan(&r.GroupID, &r.Group, &r.At); err != nil {
			return err
		}
		r.At = fromTable(r.At)
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("alertstore: evaluations: %w", err)
	}
	return out, nil
}
