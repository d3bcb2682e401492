package tempoapi

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/query/traceql"
)

func TestTagsQuery(t *testing.T) {
	for tags, want := range map[string]string{
		"":                             "{  }",
		`service.name=cart`:            `{ .service.name = "cart" }`,
		`a="b c" d=5 error=true`:       `{ .a = "b c" && (.d = "5" || .d = 5.0) && (status = error || .error = true) }`,
		`name=GET status.code=error`:   `{ name = "GET" && status = error }`,
		`root.service.name=x ok=false`: `{ rootServiceName = "x" && (.ok = "false" || .ok = false) }`,
	} {
		if got, err := tagsQuery(tags); err != nil || got != want {
			t.Errorf("%s: %s, want %s, %v", tags, got, want, err)
		}
	}
	for _, tags := range []string{"novalue", `a="b`, "=x", "a b=c"} {
		if got, err := tagsQuery(tags); err == nil {
			t.Errorf("%q is read as %s", tags, got)
		}
	}
}

// FuzzTags holds what tags become to being TraceQL.
func FuzzTags(f *testing.F) {
	f.Add(`service.name=cart a="b c" d=5 error=true`)
	f.Add(`x{}y="\u00e9" 1=2`)
	f.Fuzz(func(t *testing.T, tags string) {
		text, err := tagsQuery(tags)
		if err != nil {
			return
		}
		if _, err := traceql.Parse(text); err != nil {
			t.Errorf("%q becomes %s: %v", tags, text, err)
		}
	})
}
