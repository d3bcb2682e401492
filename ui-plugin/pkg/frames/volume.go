package frames

import (
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// unknownLevel is what Grafana calls lines whose level nobody knows.
const unknownLevel = "unknown"

// LogVolume makes the bars over the lines of Explore: a frame of type
// timeseries-multi for each level, which its series' label detected_level names.
// Grafana reads the level from the display name and from the label level, colours
// the bars by it and stacks them.
func LogVolume(res *trefoilclient.MetricResult, executed string) data.Frames {
	byLevel := *res
	byLevel.Series = make([]trefoilclient.Series, len(res.Series))
	for i, s := range res.Series {
		level := s.Labels["detected_level"]
		if level == "" {
			level = unknownLevel
		}
		s.Labels = map[string]string{"level": level}
		byLevel.Series[i] = s
	}
	return Metrics(&byLevel, MetricOptions{Legend: "{{level}}", Executed: executed, PerSeries: true})
}
