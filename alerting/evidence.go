package alerting

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/evidence"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
)

const (
	// gatheredAtOnce is how many alerts that begin to fire are looked into at
	// once, and gatheredEvery how often another one is: when hundreds do, the
	// store has better to do than a dozen reads for each. The rest gets what
	// needs no reading.
	gatheredAtOnce = 10
	gatheredEvery  = 3 * time.Second
	// sectionsAnnotation is the annotation by which a rule says what evidence
	// it wants: section names, or none.
	sectionsAnnotation = "evidence"
)

// gather looks for evidence of the alerts that begin to fire. It is kept with
// them, so that repetitions and a restart say the same.
func (r *liveRule) gather(ctx context.Context, changes []rule.Change, at time.Time) {
	m := r.group.m
	if m.cfg.Evidence == nil {
		return
	}
	for i := range changes {
		in := &changes[i].Instance
		switch {
		case in.State == rule.Firing:
			wanted := sections(in.Annotations.Get(sectionsAnnotation))
			if !m.gathering.Allow() {
				wanted = withoutReading(wanted)
			}
			found := m.cfg.Evidence(ctx, evidence.Alert{
				Tenant: m.cfg.Tenant, Language: string(r.language), Expr: r.alert.Expr, Labels: in.Labels,
				Value: in.Value, At: at, Sections: wanted,
			})
			r.setEvidence(in.Fingerprint(), found)
		case in.State != rule.Firing:
			r.setEvidence(in.Fingerprint(), nil)
		}
	}
}

// sections reads what evidence a rule wants; nil is all.
func sections(wanted string) []string {
	if wanted == "" {
		return nil
	}
	out := []string{}
	for name := range strings.SplitSeq(wanted, ",") {
		out = append(out, strings.TrimSpace(name))
	}
	return out
}

// withoutReading are the wanted sections that cost the store nothing.
func withoutReading(wanted []string) []string {
	free := []string{evidence.Value, evidence.Query, evidence.API, evidence.Grafana}
	if wanted == nil {
		return free
	}
	return slices.DeleteFunc(wanted, func(s string) bool { return !slices.Contains(free, s) })
}

func (r *liveRule) setEvidence(fingerprint uint64, found map[string]string) {
	r.evidenceMu.Lock()
	defer r.evidenceMu.Unlock()
	if len(found) == 0 {
		delete(r.evidence, fingerprint)
		return
	}
	if r.evidence == nil {
		r.evidence = map[uint64]map[string]string{}
	}
	r.evidence[fingerprint] = found
}

// withEvidence are an instance's annotations, and what there is of evidence
// while it fires. The rule's own annotations win.
func (r *liveRule) withEvidence(in *rule.Instance) map[string]string {
	own := in.Annotations.Map()
	if in.State != rule.Firing {
		return own
	}
	r.evidenceMu.Lock()
	out := maps.Clone(r.evidence[in.Fingerprint()])
	r.evidenceMu.Unlock()
	if out == nil {
		return own
	}
	maps.Copy(out, own)
	return out
}

// keepEvidence takes the evidence out of a stored row.
func (r *liveRule) keepEvidence(row *alertstore.Instance) {
	found, own := map[string]string{}, map[string]string{}
	for name, text := range row.Annotations {
		if strings.HasPrefix(name, evidence.Prefix) {
			found[name] = text
		} else {
			own[name] = text
		}
	}
	row.Annotations = own
	r.setEvidence(row.Fingerprint, found)
}
