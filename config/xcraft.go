package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	moduleBus    = "xcraft-core-bus"
	moduleClient = "xcraft-core-busclient"
	moduleHorde  = "xcraft-core-horde"
)

// cut takes "app@variant" apart.
func cut(app string) (name, variant string) {
	name, variant, _ = strings.Cut(app, "@")
	return name, variant
}

// object reads the values of one module.
func (l *loader) object(into *layer, origin string, raw json.RawMessage) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		l.fail("", origin, "it is no JSON object: "+err.Error(), "write {\"host\": …}")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		k, ok := keyOf[name]
		if !ok {
			l.find(name, origin, "this key is not known", l.hint(name))
			continue
		}
		value, set, err := k.read(members[name])
		if err != nil {
			l.fail(name, origin, err.Error(), "write "+k.kind.String())
			continue
		}
		if set {
			into.set(name, l.resource(k, value), origin)
		}
	}
}

// resource makes a path relative to the resources absolute.
func (l *loader) resource(k key, value string) string {
	if k.kind != pem || l.resources == "" || inline(value) || filepath.IsAbs(value) {
		return value
	}
	return filepath.Join(l.resources, value)
}

func inline(value string) bool {
	return strings.HasPrefix(value, "base64:") || strings.HasPrefix(value, "-----BEGIN ")
}

// xcraftConfig is the variable that Xcraft hands to the processes it starts.
func (l *loader) xcraftConfig() *layer {
	v := l.env("XCRAFT_CONFIG")
	if v == "" {
		return nil
	}
	var modules map[string]json.RawMessage
	if err := json.Unmarshal([]byte(v), &modules); err != nil {
		l.fail("", "XCRAFT_CONFIG", "it is no JSON: "+err.Error(), `write {"xcraft-core-bus": {"host": …}}`)
		return nil
	}
	for name := range modules {
		if _, ok := keyOf[name]; ok {
			l.find(name, "XCRAFT_CONFIG", "this key stands outside of a module, so it has no effect", "put it into \"xcraft-core-bus\"")
		}
	}
	out := &layer{origin: "XCRAFT_CONFIG", ofHall: true}
	for _, module := range []string{moduleBus, moduleClient} {
		if raw, ok := modules[module]; ok {
			l.object(out, "XCRAFT_CONFIG "+module, raw)
		}
	}
	return out
}

// etc is the configuration on disk.
func (l *loader) etc() *layer {
	if l.root == "" {
		return nil
	}
	out := &layer{origin: "etc", ofHall: true}
	for _, module := range []string{moduleBus, moduleClient} {
		path := filepath.Join(l.root, "etc", module, "config.json")
		text, err := os.ReadFile(path)
		switch {
		case err == nil:
			l.object(out, path, text)
		case !errors.Is(err, fs.ErrNotExist):
			l.fail("", path, err.Error(), "")
		case module == moduleBus && isDir(l.root):
			l.find("", path, "the file does not exist", "is "+l.root+" the root of an Xcraft server?")
		}
	}
	return out
}

// run is the run file of a server: the ports that it really has.
func (l *loader) run() *layer {
	if l.root == "" {
		return nil
	}
	servers := l.running()
	if len(servers) == 0 {
		if l.src.PID != 0 {
			l.fail("", filepath.Join(l.root, "var", "run"), "no server with the process id "+strconv.Itoa(l.src.PID)+" runs", "")
		}
		return nil
	}
	chosen := servers[len(servers)-1]
	if len(servers) > 1 {
		l.find("", chosen.path, strconv.Itoa(len(servers))+" servers run beneath this root; this one started last", "choose one by its process id")
	}
	text, err := os.ReadFile(chosen.path)
	if err != nil {
		l.fail("", chosen.path, err.Error(), "")
		return nil
	}
	var modules map[string]json.RawMessage
	if json.Unmarshal(text, &modules) != nil {
		l.find("", chosen.path, "it cannot be read: the server may be about to write it", "try again")
		return nil
	}
	out := &layer{origin: chosen.path, ofHall: true}
	for _, module := range []string{moduleBus, moduleClient} {
		if raw, ok := modules[module]; ok {
			l.object(out, chosen.path, raw)
		}
	}
	return out
}

// A runFile belongs to one server that runs.
type runFile struct {
	path  string
	since time.Time
}

// running lists the run files whose process lives, oldest first.
func (l *loader) running() []runFile {
	var list []runFile
	paths, _ := filepath.Glob(filepath.Join(l.root, "var", "run", "xcraftd.*"))
	for _, path := range paths {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "xcraftd."))
		if err != nil || l.src.PID != 0 && pid != l.src.PID {
			continue
		}
		if !alive(pid) {
			l.find("", path, "its process does not run any more: the file is left over and not used", "")
			continue
		}
		if info, err := os.Stat(path); err == nil {
			list = append(list, runFile{path, info.ModTime()})
		}
	}
	slices.SortStableFunc(list, func(a, b runFile) int { return a.since.Compare(b.since) })
	return list
}

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// horde is the entry of the topology of hordes that was asked for.
func (l *loader) horde() *layer {
	if l.src.Horde == "" {
		return nil
	}
	path := filepath.Join(l.root, "etc", moduleHorde, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		l.fail("", path, err.Error(), "a horde is looked up in the topology beneath XCRAFT_ROOT")
		return nil
	}
	entries, err := topology(text)
	if err != nil {
		l.fail("topology", path, err.Error(), "")
		return nil
	}
	raw, ok := entries[l.src.Horde]
	if !ok {
		l.fail("topology", path, "it has no horde "+strconv.Quote(l.src.Horde), "known are "+join(slices.Collect(maps.Keys(entries))))
		return nil
	}
	out := &layer{origin: path, whole: true}
	l.object(out, path+" topology "+l.src.Horde, raw)
	if out.values["hordeId"] == "" {
		out.set("hordeId", l.src.Horde, "")
	}
	return out
}

// topology reads the member of that name, an object or the JSON text of one.
func topology(text []byte) (map[string]json.RawMessage, error) {
	var file struct{ Topology json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	var quoted string
	if json.Unmarshal(file.Topology, &quoted) == nil {
		file.Topology = json.RawMessage(quoted)
	}
	entries := map[string]json.RawMessage{}
	if len(file.Topology) == 0 {
		return entries, nil
	}
	return entries, json.Unmarshal(file.Topology, &entries)
}
