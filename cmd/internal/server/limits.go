package server

import (
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/tenant"

	"github.com/prometheus/client_golang/prometheus"
)

// declareTenant declares what each tenant may send. The names are also the keys
// of the --limits file.
func declareTenant(set *flagset.Set, l *quota.Limits) {
	set.Bytes(&l.BytesPerSecond, "tenant-bytes-per-second", l.BytesPerSecond, "`size` of the requests, decompressed, that a tenant may send in a second; 0: no limit")
	set.Int64(&l.RecordsPerSecond, "tenant-records-per-second", l.RecordsPerSecond, "`number` of log records, spans and points that a tenant may send in a second; 0: no limit")
	set.Int64(&l.Series, "tenant-active-series", l.Series, "`number` of metric series that a tenant may write to within 20 minutes; 0: no limit")
	set.Int(&l.Attributes, "max-attributes", l.Attributes, "`number` of attributes of a record, resource, scope, event or link")
	set.Size(&l.AttributeBytes, "max-attribute-bytes", l.AttributeBytes, "`size` of an attribute, name and value")
	set.Size(&l.NameBytes, "max-name-bytes", l.NameBytes, "`size` of the name of an attribute or label")
	set.Size(&l.LabelBytes, "max-label-bytes", l.LabelBytes, "`size` of the value of a metric's label")
	set.Duration(&l.Late, "max-late", l.Late, "`time` that a record may be behind the clock; 0: as long as telemetry is kept")
	set.Duration(&l.Ahead, "max-ahead", l.Ahead, "`time` that a record may be ahead of the clock")
}

// readLimits reads the --limits file: tenants, and for each what differs from
// the flags.
func (c *config) readLimits(set *flagset.Set) error {
	if c.limitsFile == "" {
		return nil
	}
	limits := map[tenant.ID]*quota.Limits{}
	err := set.Sections("limits", c.limitsFile, func(name string) (*flagset.Set, error) {
		id, err := tenant.Parse(name)
		if err != nil {
			return nil, err
		}
		l := c.tenantLimits
		limits[id] = &l
		one := flagset.New(flagset.About{})
		declareTenant(one, &l)
		return one, nil
	})
	if err != nil {
		return err
	}
	c.limitsOf = map[tenant.ID]quota.Limits{}
	for id, l := range limits {
		c.limitsOf[id] = *l
	}
	return nil
}

func (s *server) newQuotas(reg prometheus.Registerer) *quota.Keeper {
	return quota.New(quota.Config{Defaults: s.cfg.tenantLimits, Tenants: s.cfg.limitsOf, Registerer: reg, Logger: s.log})
}
