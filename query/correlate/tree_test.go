package correlate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func id(b byte) [8]byte { return [8]byte{7: b} }

func draw(nodes []Node) string {
	var b strings.Builder
	for _, p := range Order(nodes) {
		n := nodes[p.Index]
		fmt.Fprintf(&b, "%s%d", strings.Repeat(".", p.Depth), n.ID[7])
		if p.Orphan {
			b.WriteString("!")
		}
		b.WriteString(" ")
	}
	return strings.TrimSpace(b.String())
}

func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name  string
		nodes []Node
		want  string
	}{
		{"empty", nil, ""},
		{"siblings by start", []Node{
			{id(3), id(1), 30}, {id(1), id(0), 10}, {id(2), id(1), 20}, {id(4), id(2), 25},
		}, "1 .2 ..4 .3"},
		{"orphan", []Node{{id(1), id(0), 10}, {id(2), id(9), 20}, {id(3), id(2), 30}}, "1 2! .3"},
		{"own parent", []Node{{id(1), id(1), 10}, {id(2), id(1), 20}}, "1! .2"},
		{"ring", []Node{{id(1), id(2), 10}, {id(2), id(1), 20}, {id(3), id(2), 30}}, "1! .2 ..3"},
		{"shared id", []Node{{id(1), id(0), 10}, {id(1), id(0), 20}, {id(2), id(1), 30}}, "1 .2 1"},
	} {
		if got := draw(tt.nodes); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOrderPlacesEveryNodeOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		nodes := make([]Node, rng.IntN(40))
		for i := range nodes {
			nodes[i] = Node{id(byte(rng.IntN(30))), id(byte(rng.IntN(30))), rng.Int64N(100)}
		}
		seen := make([]int, len(nodes))
		kids := make([]int, len(nodes))
		for _, p := range Order(nodes) {
			seen[p.Index]++
			for _, k := range p.Children {
				kids[k]++
			}
		}
		for i, n := range seen {
			if n != 1 || kids[i] > 1 {
				t.Fatalf("node %d placed %d times, child of %d: %+v", i, n, kids[i], nodes)
			}
		}
	}
}

func TestOrderOfADeepTrace(t *testing.T) {
	nodes := make([]Node, 1<<17)
	for i := range nodes {
		nodes[i].Start = int64(i)
		nodes[i].ID = [8]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}
		if i > 0 {
			nodes[i].Parent = nodes[i-1].ID
		}
	}
	places := Order(nodes)
	if got := places[len(places)-1].Depth; got != len(nodes)-1 {
		t.Errorf("deepest span at depth %d, want %d", got, len(nodes)-1)
	}
}
