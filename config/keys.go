package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A kind says how the value of a key is written.
type kind uint8

const (
	text kind = iota
	number
	port
	millis // a number of milliseconds, or false for none
	truth
	pem // a path, or base64:…
	pairs
)

// A group says what a key is about, and so who needs it.
type group uint8

const (
	place   group = iota // where the hall is
	trust                // certificates
	manners              // how to behave there
	hall                 // what only the hall itself needs
)

type key struct {
	name  string
	kind  kind
	group group
	value string // the default
}

// keys are all that are known, in the order in which they are shown.
var keys = []key{
	{"host", text, place, "127.0.0.1"},
	{"commanderPort", port, place, "35400"},
	{"notifierPort", port, place, "35800"},
	{"unixSocketId", text, place, ""},
	{"socketDir", text, place, ""},
	{"noTLS", truth, place, "false"},
	{"tls", truth, place, ""}, // TLS as an address demands it

	{"caPath", pem, trust, ""},
	{"pin", pem, trust, ""},
	{"ca", pem, trust, ""},
	{"servername", text, trust, ""},
	{"certPath", pem, trust, ""},
	{"keyPath", pem, trust, ""},
	{"gatekeeper", text, trust, ""},
	{"hordeId", text, trust, ""},

	{"timeout", millis, manners, "0"},
	{"clientKeepAlive", millis, manners, "6000"},
	{"nice", number, manners, "0"},
	{"noForwarding", truth, manners, "false"},
	{"passive", truth, manners, "false"},
	{"optimistLag", truth, manners, "false"},

	{"commanderHost", text, hall, ""},
	{"notifierHost", text, hall, ""},
	{"serverKeepAlive", millis, hall, "15000"},
	{"acceptIncoming", truth, hall, "true"},
	{"shutdownRemotes", truth, hall, "false"},
	{"policiesPath", text, hall, ""},
	{"tribes", pairs, hall, "[]"},
}

var keyOf = func() map[string]key {
	m := make(map[string]key, len(keys))
	for _, k := range keys {
		m[k.name] = k
	}
	return m
}()

// read brings a JSON value of a key into its normal form, a text. set is false
// for what counts as not written.
func (k key) read(raw json.RawMessage) (value string, set bool, err error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", false, fmt.Errorf("it is no JSON: %v", err)
	}
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		if v == "" {
			return "", false, nil
		}
		value, err = k.parse(v)
		return value, true, err
	case float64:
		value, err = k.parse(strings.TrimSpace(string(raw)))
		return value, true, err
	case bool:
		if k.kind == millis && !v {
			return "-1", true, nil
		}
		if k.kind == truth {
			return strconv.FormatBool(v), true, nil
		}
	case []any:
		if k.kind == pairs {
			_, err := readTribes(string(raw))
			return string(raw), true, err
		}
	}
	return "", false, fmt.Errorf("%s is not %s", shorten(string(raw)), k.kind)
}

// parse brings a text into the normal form of the key.
func (k key) parse(v string) (string, error) {
	switch k.kind {
	case number:
		if _, err := strconv.Atoi(v); err != nil {
			return "", fmt.Errorf("%q is not %s", v, k.kind)
		}
	case port:
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 65535 {
			return "", fmt.Errorf("%q is not %s", v, k.kind)
		}
	case millis:
		return parseMillis(v)
	case truth:
		b, err := parseTruth(v)
		if err != nil {
			return "", err
		}
		return strconv.FormatBool(b), nil
	case pairs:
		if _, err := readTribes(v); err != nil {
			return "", err
		}
	}
	return v, nil
}

// parseMillis reads "6000", "6s" or "false".
func parseMillis(v string) (string, error) {
	if v == "false" {
		return "-1", nil
	}
	if _, err := strconv.Atoi(v); err == nil {
		return v, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return "", fmt.Errorf("%q is not %s", v, millis)
	}
	return strconv.FormatInt(d.Milliseconds(), 10), nil
}

func parseTruth(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "on", "yes":
		return true, nil
	case "off", "no":
		return false, nil
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%q is not %s", v, truth)
	}
	return b, nil
}

// A Tribe is the ports of one more instance of an application.
type Tribe struct {
	CommanderPort, NotifierPort int
}

func readTribes(v string) ([]Tribe, error) {
	var list []struct{ CommanderPort, NotifierPort json.RawMessage }
	if err := json.Unmarshal([]byte(v), &list); err != nil {
		return nil, fmt.Errorf("%s is not %s", shorten(v), pairs)
	}
	tribes := make([]Tribe, len(list))
	for i, raw := range list {
		c, ok1, err1 := keyOf["commanderPort"].read(raw.CommanderPort)
		n, ok2, err2 := keyOf["notifierPort"].read(raw.NotifierPort)
		if err1 != nil || err2 != nil || !ok1 || !ok2 {
			return nil, fmt.Errorf("its entry %d is not a commanderPort and a notifierPort from 1 to 65535", i)
		}
		tribes[i].CommanderPort, _ = strconv.Atoi(c)
		tribes[i].NotifierPort, _ = strconv.Atoi(n)
	}
	return tribes, nil
}

// String says what to write.
func (k kind) String() string {
	return [...]string{"a text", "a whole number", "a port from 1 to 65535", "a number of milliseconds", "true or false",
		"a path or base64:…", `a list like [{"commanderPort": 35401, "notifierPort": 35801}]`}[k]
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
