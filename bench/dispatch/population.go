package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A population is n patterns as services use them, spread over modules, ids and
// answers of calls, the topics that each of them wants, and others like them that
// none wants.
type population struct {
	patterns, wanted, unwanted []string
}

func populate(n int) population {
	rng := rand.New(rand.NewPCG(1, 2))
	token := fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64())
	id := func() string {
		a, b := rng.Uint64(), rng.Uint64()
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(a), uint16(a>>32), uint16(a>>48), uint16(b), b>>16)
	}
	// kind makes a pattern of one of five kinds, and a topic that it wants.
	kind := func(i, number int) (pattern, topic string) {
		switch i % patternKinds {
		case 0:
			topic = fmt.Sprintf("module-%d::device.changed", number)
			return topic, topic
		case 1:
			topic = fmt.Sprintf("Grom@%s::warehouse.get.%s.", token, id())
			return topic + "(error|finished)", topic + "finished"
		case 2:
			id := id()
			return fmt.Sprintf("*::desk@*.%s.changed", id), fmt.Sprintf("Grom@%s::desk@%d.%s.changed", token, number, id)
		case 3:
			return fmt.Sprintf("service-%d::*", number), fmt.Sprintf("service-%d::thermo.room.changed", number)
		}
		return fmt.Sprintf("*::*.<entity@%d>", number), fmt.Sprintf("goblin@%s::entity.changed.<entity@%d>", token, number)
	}
	var p population
	for i := range n {
		pattern, topic := kind(i, i)
		p.patterns, p.wanted = append(p.patterns, pattern), append(p.wanted, topic)
	}
	for i := range turn {
		_, topic := kind(i, 10_000_000+i)
		p.unwanted = append(p.unwanted, strings.Clone(topic))
	}
	rng.Shuffle(n, func(i, j int) { p.wanted[i], p.wanted[j] = p.wanted[j], p.wanted[i] })
	for i, topic := range p.wanted {
		p.wanted[i] = strings.Clone(topic) // side by side in memory, as a reader has them
	}
	return p
}

const patternKinds = 5

// turn is how many topics take turns.
const turn = 1000
