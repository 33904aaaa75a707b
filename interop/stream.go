package interop

// StreamByte is byte number i of the streams that the demo commands download
// and downloadDigest make with {"kind": "pattern"}: a lost, doubled or
// displaced piece of such a stream cannot go unnoticed. The prefix that the
// commands take overwrites the beginning of each piece.
func StreamByte(i int64) byte { return byte(i*31 + (i>>8)*7 + i>>16) }
