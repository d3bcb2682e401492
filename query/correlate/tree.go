package correlate

import (
	"cmp"
	"slices"
)

// Node is what the shape of a trace depends on.
type Node struct {
	ID, Parent [8]byte // Parent is zero for a root
	Start      int64   // Unix ns
}

// Place is where a span stands in the tree.
type Place struct {
	Index    int   // of the Node
	Depth    int   // 0 for roots and orphans
	Children []int // indexes of Nodes, by start
	Orphan   bool  // names a parent that is not in the trace
}

// Order places nodes depth first, siblings by start time. Every node appears
// exactly once whatever the input: a node whose parent is missing is an orphan
// and starts a tree of its own; so does the earliest node of a ring of parents.
// Of several nodes with one ID the earliest is taken as parent.
func Order(nodes []Node) []Place {
	var root [8]byte
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(nodes[a].Start, nodes[b].Start), cmp.Compare(a, b))
	})
	byID := make(map[[8]byte]int, len(nodes))
	for _, i := range order {
		if _, seen := byID[nodes[i].ID]; !seen {
			byID[nodes[i].ID] = i
		}
	}
	children := make([][]int, len(nodes))
	var starts []int // roots and orphans
	for _, i := range order {
		parent, ok := byID[nodes[i].Parent]
		if nodes[i].Parent == root || !ok || parent == i {
			starts = append(starts, i)
			continue
		}
		children[parent] = append(children[parent], i)
	}
	o := ordering{nodes: nodes, children: children, placed: make([]bool, len(nodes)), out: make([]Place, 0, len(nodes))}
	for _, i := range starts {
		o.place(i)
	}
	for _, i := range order { // what is left hangs on rings
		o.place(i)
	}
	return o.out
}

type ordering struct {
	nodes    []Node
	children [][]int
	placed   []bool
	out      []Place
}

// place appends the tree below start, with a stack of its own: traces can be
// deeper than is good for recursion.
func (o *ordering) place(start int) {
	type step struct{ index, depth int }
	stack := []step{{start, 0}}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if o.placed[s.index] {
			continue
		}
		o.placed[s.index] = true
		kids := slices.DeleteFunc(slices.Clone(o.children[s.index]), func(k int) bool { return o.placed[k] })
		orphan := s.depth == 0 && o.nodes[s.index].Parent != [8]byte{}
		o.out = append(o.out, Place{Index: s.index, Depth: s.depth, Children: kids, Orphan: orphan})
		for _, k := range slices.Backward(kids) {
			stack = append(stack, step{k, s.depth + 1})
		}
	}
}
