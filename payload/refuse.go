package payload

// refuse says why a value cannot travel, and what to do instead.
func refuse(v Value, reason string) *UnsupportedError {
	switch v.Kind() {
	case KindInvalid:
		return (*UnsupportedError)(v.ptr)
	case KindBytes:
		return unsupported("a buffer", reason, "send it as data.chunk, or as a base64 string")
	case KindFunc:
		return unsupported("a function", reason, "functions travel in serialized events only")
	case KindShredder:
		return unsupported("a Shredder", reason,
			"it travels as data or as a direct member of data; put its State here")
	case KindNumber:
		if v.isLiteral() {
			return unsupported(v.digits(), reason, "JavaScript would round it, send a string")
		}
		return unsupported(v.digits(), reason, "put it into an immutable value, or send null")
	case KindUndefined, kindHole:
		return unsupported("undefined in an array", reason, "send null")
	}
	return unsupported(v.Kind().article(), reason, "it travels inside an immutable value")
}

func notUTF8(reason string) *UnsupportedError {
	return unsupported("a string that is not UTF-8", reason, "send it as data.chunk, or as a base64 string")
}
