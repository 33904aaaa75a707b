package payload

// endless gives the error of a walk that met a limit because the value contains
// itself the name and the path that help.
func endless(root Value, err error) error {
	n := cycleBehind(root, err)
	if n == nil {
		return err
	}
	return &UnsupportedError{
		Path: "$" + pathOf(root, n), What: "a value that contains itself",
		Reason: inJSON, Advice: "it travels inside an immutable value",
	}
}

// cycleBehind returns a container that contains itself, when that may be why a
// walk met a limit.
func cycleBehind(root Value, err error) *node {
	if _, ok := err.(*LimitError); !ok || root.node() == nil {
		return nil
	}
	type step struct {
		n    *node
		next int
	}
	open := map[*node]bool{root.node(): true} // false: left again
	path := []step{{n: root.node()}}
	for len(path) > 0 {
		top := &path[len(path)-1]
		if top.next == len(top.n.slots) {
			open[top.n] = false
			path = path[:len(path)-1]
			continue
		}
		child := top.n.slots[top.next].node()
		top.next++
		if child == nil {
			continue
		}
		switch isOpen, met := open[child]; {
		case isOpen:
			return child
		case !met:
			open[child] = true
			path = append(path, step{n: child})
		}
	}
	return nil
}

// pathOf returns the shortest way to a container.
func pathOf(root Value, target *node) string {
	if root.node() == target {
		return ""
	}
	return pathTo(root, func(n *node, slot int) bool { return n.slots[slot].node() == target })
}
