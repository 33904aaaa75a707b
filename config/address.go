package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/xcraft-go/xbus/internal/near"
)

// Parameters of an address and their keys.
var parameters = map[string]string{
	"events": "notifierPort", "ca": "ca", "pin": "pin", "cert": "certPath", "key": "keyPath", "servername": "servername",
	"nice": "nice", "noForwarding": "noForwarding", "optimistLag": "optimistLag", "passive": "passive",
	"timeout": "timeout", "keepalive": "clientKeepAlive",
	"commander": "commanderPort", "dir": "socketDir",
}

const addressForms = "xcraft://host:35400?events=35800, xcrafts://host:35400?pin=server-cert.pem, xcraft+unix://<unixSocketId>, mem://name"

// address takes a URL apart. Schemes of other transports are kept as they are:
// xbus.Connect knows them, or not.
func (l *loader) address(text, origin string) *layer {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		l.fail("", origin, "it is no address", "write "+addressForms)
		return nil
	}
	out := &layer{origin: origin, whole: true}
	switch u.Scheme {
	case "xcraft", "xcrafts":
		if u.Hostname() == "" {
			l.fail("", origin, "the host is missing", "write xcraft://127.0.0.1:35400?events=35800")
			return nil
		}
		out.set("host", u.Hostname(), "")
		out.set("tls", boolText(u.Scheme == "xcrafts"), "")
		if u.Port() != "" {
			l.parameter(out, "commanderPort", u.Port(), origin)
		}
	case "xcraft+unix":
		if u.Host == "" {
			l.fail("", origin, "the identifier of the sockets is missing", "write xcraft+unix://<unixSocketId>")
			return nil
		}
		out.set("unixSocketId", u.Host, "")
	default:
		out.verbatim = text
		return out
	}
	query := u.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if k, ok := parameters[name]; ok {
			l.parameter(out, k, query.Get(name), origin)
			continue
		}
		known := slices.Sorted(maps.Keys(parameters))
		hint := "known are " + join(known)
		if meant := near.Name(name, known); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		l.fail(name, origin, "this parameter is not known", hint)
	}
	return out
}

func (l *loader) parameter(out *layer, name, v, origin string) {
	k := keyOf[name]
	value, err := k.parse(v)
	if err != nil {
		l.fail(name, origin, err.Error(), "write "+k.kind.String())
		return
	}
	out.set(name, value, "")
}

// contexts are the named targets of the user: the one that was asked for, and
// the current one.
func (l *loader) contexts() (chosen, current *layer) {
	asked, why := l.src.Context, "flag --context"
	if asked == "" {
		asked, why = l.env("XBUS_CONTEXT"), "XBUS_CONTEXT"
	}
	path := l.contextFile()
	content, err := os.ReadFile(path)
	if err != nil {
		if asked != "" {
			l.fail("", why, "there is no context "+asked+": "+err.Error(), `write {"contexts": {"`+asked+`": {"url": "xcraft://…"}}} there`)
		} else if path != "" && !errors.Is(err, fs.ErrNotExist) {
			l.find("", path, err.Error(), "")
		}
		return nil, nil
	}
	var file struct {
		Current  string
		Contexts map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(content, &file); err != nil {
		l.fail("", path, "it is no file of contexts: "+err.Error(), `write {"current": "name", "contexts": {"name": {"url": "xcraft://…"}}}`)
		return nil, nil
	}
	get := func(name string) *layer {
		if name == "" {
			return nil
		}
		members, ok := file.Contexts[name]
		if !ok {
			l.fail("", path, "it has no context "+name, "known are "+join(slices.Collect(maps.Keys(file.Contexts))))
			return nil
		}
		return l.context(path+" "+name, members)
	}
	if asked != "" {
		return get(asked), nil
	}
	return nil, get(file.Current)
}

func (l *loader) context(origin string, members map[string]json.RawMessage) *layer {
	out := &layer{origin: origin}
	if raw, ok := members["url"]; ok {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			l.fail("url", origin, "it is not a text", "write "+addressForms)
		} else if a := l.address(text, origin); a != nil {
			out = a
		}
		delete(members, "url")
	}
	rest, _ := json.Marshal(members)
	resources := l.resources
	l.resources = "" // paths of the user's own file begin in the working folder
	l.object(out, origin, rest)
	l.resources = resources
	return out
}

func (l *loader) contextFile() string {
	if l.src.ContextFile != "" {
		return l.src.ContextFile
	}
	dir := l.env("XDG_CONFIG_HOME")
	if dir == "" {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return ""
		}
	}
	return filepath.Join(dir, "xbus", "contexts.json")
}
