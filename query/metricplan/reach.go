package metricplan

// Reach is how long before a step a plan reads, in ms; -1 if steps cannot be evaluated
// apart from each other, or nothing is read.
func Reach(n Node) int64 {
	reach := int64(-1)
	if !stepwise(n, 0, &reach) {
		return -1
	}
	return reach
}

// stepwise tells whether the steps of a node can be evaluated apart. What it reads,
// above in ms before the step of the plan, is added to reach.
func stepwise(n Node, above int64, reach *int64) bool {
	switch n := n.(type) {
	case *Once, *Foreign:
		return false
	case *Call:
		if n.Across {
			return false
		}
	case *Aggregate:
		if n.Group != nil || n.Param != nil {
			return false
		}
	case *Rollup:
		if n.Across || n.At != nil || n.AtOf != nil || n.Offset < 0 {
			return false
		}
		above += n.Range + n.Before + n.Offset
		if n.Selector != nil {
			*reach = max(*reach, above)
		}
	}
	for _, c := range n.Children() {
		if !stepwise(c, above, reach) {
			return false
		}
	}
	return true
}
