package server

// A Horde is a connection of this hall to another one (protocol §8).
type Horde struct{}

// hordes are the connections of this hall to others.
type hordes struct{}

func (*hordes) leave() {}
