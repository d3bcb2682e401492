package walcmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/walinspect"
)

func partsText(i *segment.FrameInfo) string {
	if i.Why != "" {
		return i.Why
	}
	var b strings.Builder
	for _, p := range i.Parts {
		switch {
		case b.Len() > 0:
			b.WriteString(", ")
		case p.Name == "":
			fmt.Fprintf(&b, "%d keys", p.Bytes/16)
			continue
		}
		b.WriteString(p.Name)
		if p.Bytes > 0 {
			fmt.Fprintf(&b, " %d rows %s", p.Rows, sizeText(p.Bytes))
		}
	}
	if i.More > 0 {
		fmt.Fprintf(&b, " (%d requests)", 1+i.More)
	}
	return b.String()
}

func keyText(k segment.Key) string {
	if k == (segment.Key{}) {
		return "-"
	}
	return k.String()
}

func timeText(t time.Time) string {
	if t.UnixNano() <= 0 {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05.000")
}

func sizeText(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%d B", n)
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func verdicts(r *walinspect.Report, err error) (lines []string) {
	if err != nil {
		return []string{err.Error()}
	}
	for _, d := range r.Damage {
		lines = append(lines, fmt.Sprintf("bytes %d to %d: %s", d.From, d.To, d.Why))
	}
	switch {
	case r.Torn > 0 && r.State == walinspect.StateOpen:
		lines = append(lines, fmt.Sprintf("torn tail of %d bytes, never acknowledged or being written", r.Torn))
	case r.Torn > 0:
		lines = append(lines, fmt.Sprintf("%d bytes behind the end", r.Torn))
	}
	if len(lines) == 0 {
		return []string{"good"}
	}
	return lines
}
