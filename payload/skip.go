package payload

// skipDepth is how deep a value may be that nobody looks at.
const skipDepth = 1000

// skip reads a value that nobody looks at.
func (p *scanner) skip(depth int) error {
	if depth > skipDepth {
		return &LimitError{Limit: "Depth", Max: skipDepth}
	}
	var err error
	switch p.peek() {
	case '"':
		_, err = p.str()
	case '{':
		for more := p.opens('}'); more && err == nil; {
			if _, err = p.name(); err == nil {
				err = p.skip(depth + 1)
			}
			if err == nil {
				more, err = p.more('}')
			}
		}
	case '[':
		for more := p.opens(']'); more && err == nil; {
			if err = p.skip(depth + 1); err == nil {
				more, err = p.more(']')
			}
		}
	case 't':
		err = p.word("true")
	case 'f':
		err = p.word("false")
	case 'n':
		err = p.word("null")
	default:
		_, _, err = p.num()
	}
	return err
}
