package server

import (
	"bytes"
	"encoding/json"
	"slices"
)

// What a command carries from hall to hall (protocol §8, §5.6).

// appendRoute adds a routing key to those that a command has crossed.
func appendRoute(crossed json.RawMessage, key string) json.RawMessage {
	var route []string
	_ = json.Unmarshal(crossed, &route) // none yet
	raw, _ := json.Marshal(append(route, key))
	return raw
}

// crossedBefore reports whether a command has been in a hall before.
func crossedBefore(crossed json.RawMessage, key string) bool {
	var route []string
	_ = json.Unmarshal(crossed, &route)
	return slices.Contains(route, key)
}

// isRPC reports whether the data asks for a horde (protocol §5.6).
func isRPC(data json.RawMessage) bool {
	if !bytes.Contains(data, []byte("_xcraftRPC")) {
		return false
	}
	var flag struct {
		RPC bool `json:"_xcraftRPC"`
	}
	return json.Unmarshal(data, &flag) == nil && flag.RPC
}

// withoutRPC removes the flag, as it is done when a command is forwarded.
func withoutRPC(data json.RawMessage) json.RawMessage {
	if !isRPC(data) {
		return data
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return data
	}
	delete(members, "_xcraftRPC")
	raw, _ := json.Marshal(members)
	return raw
}
