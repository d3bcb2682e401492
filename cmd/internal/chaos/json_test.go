package chaos

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// jsonLogs and jsonGauges send OTLP as JSON, as browsers and scripts do: the SDK
// has no exporter for it. The requests are small, so several become one.
func jsonLogs(to *writer, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		logs := plog.NewLogs()
		from := logs.ResourceLogs().AppendEmpty()
		fromTill(from.Resource(), ids[0])
		records := from.ScopeLogs().AppendEmpty().LogRecords()
		for _, id := range ids {
			r := records.AppendEmpty()
			r.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
			r.Body().SetStr("sold " + strconv.FormatUint(id, 10) + filler(size))
			r.Attributes().PutInt(idKey, int64(id))
		}
		body, err := plogotlp.NewExportRequestFromLogs(logs).MarshalJSON()
		if err != nil {
			return err
		}
		return to.send(ctx, body, "Content-Type", "application/json")
	}
}

func jsonGauges(to *writer, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		metrics := pmetric.NewMetrics()
		from := metrics.ResourceMetrics().AppendEmpty()
		fromTill(from.Resource(), ids[0])
		m := from.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(gaugeName)
		points := m.SetEmptyGauge().DataPoints()
		for _, id := range ids {
			p := points.AppendEmpty()
			p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
			p.SetDoubleValue(float64(id))
			p.Attributes().PutInt(idKey, int64(id))
			p.Attributes().PutStr("filler", filler(size))
		}
		body, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalJSON()
		if err != nil {
			return err
		}
		return to.send(ctx, body, "Content-Type", "application/json")
	}
}

// fromTill is resourceOf as pdata has it.
func fromTill(r pcommon.Resource, id uint64) {
	r.Attributes().PutStr("service.name", "till")
	r.Attributes().PutInt("chaos.round", int64(id/2000))
}
