package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/xcraft-go/xbus/internal/near"
)

// Sources says where to look. The zero value looks at the variables of the
// process and at what they name.
type Sources struct {
	// Options are values by key that the program itself decides.
	Options map[string]string
	// Flags are values by key that come from the command line.
	Flags map[string]string
	// URL is an address from the command line.
	URL string

	// Context names an entry of the file of contexts, default XBUS_CONTEXT.
	Context string
	// ContextFile is that file, default xbus/contexts.json in the user's folder
	// of configurations.
	ContextFile string

	// Root is the folder with etc and var/run, default XCRAFT_ROOT.
	Root string
	// App is the application, "app" or "app@variant", default GOBLINS_APP.
	App string
	// Resources is where relative paths of Xcraft's files begin. Default:
	// app/<app>/resources or resources beneath Root, or Root itself.
	Resources string
	// RealmStore has the client certificates of realms. Default: what the
	// goblins.json of Root leads to.
	RealmStore string
	// Horde takes the connection to this horde from the topology in
	// etc/xcraft-core-horde instead of the hall's own address.
	Horde string
	// Tribe is the number of an instance: its ports are those of the entry
	// Tribe-1 of tribes.
	Tribe int
	// PID chooses among the servers that run beneath Root; default the one
	// that was started last.
	PID int

	// LookupEnv reads variables, default os.LookupEnv.
	LookupEnv func(string) (string, bool)
}

// A layer is what one place says.
type layer struct {
	origin string
	values map[string]string
	// origins of single values, where they differ
	origins map[string]string
	// whole: it is an address, so what is beneath gives only manners.
	whole bool
	// verbatim is an address that this package does not take apart.
	verbatim string
	// ofHall: the certificate in it is the hall's own.
	ofHall bool
}

func (l *layer) set(name, value, origin string) {
	if l.values == nil {
		l.values, l.origins = map[string]string{}, map[string]string{}
	}
	l.values[name] = value
	if origin != "" {
		l.origins[name] = origin
	}
}

func (l *layer) originOf(name string) string {
	if o := l.origins[name]; o != "" {
		return o
	}
	return l.origin
}

// A loader collects layers, from the most important on, and what is wrong.
type loader struct {
	src       Sources
	root      string
	resources string
	app       string
	variant   string
	layers    []*layer
	findings  []Finding
	errs      []error
}

func (l *loader) add(layers ...*layer) {
	for _, next := range layers {
		if next != nil && (len(next.values) > 0 || next.verbatim != "") {
			l.layers = append(l.layers, next)
		}
	}
}

func (l *loader) find(name, origin, message, hint string) {
	l.findings = append(l.findings, Finding{name, origin, message, hint})
}

func (l *loader) fail(name, origin, reason, hint string) {
	l.errs = append(l.errs, &Error{name, origin, reason, hint})
}

func (l *loader) env(name string) string {
	v, _ := l.src.LookupEnv(name)
	return v
}

// Load reads the configuration. With an error, which joins one *Error for each
// value that cannot be used, it still returns what could be read, for display.
func Load(src Sources) (*Config, error) {
	if src.LookupEnv == nil {
		src.LookupEnv = os.LookupEnv
	}
	l := &loader{src: src}
	l.whereabouts()
	l.add(l.texts("option", src.Options), l.texts("flag", src.Flags), l.address(src.URL, "flag --url"))
	l.add(l.address(l.env("XBUS_URL"), "XBUS_URL"), l.switchTLS())
	chosen, current := l.contexts()
	l.add(chosen, l.horde(), l.xcraftConfig(), l.run(), l.etc(), current)
	cfg := l.resolve()
	return cfg, errors.Join(l.errs...)
}

// texts makes a layer of values given by key; name is what they are called.
func (l *loader) texts(name string, values map[string]string) *layer {
	out := &layer{origin: name}
	for k, v := range values {
		known, ok := keyOf[k]
		origin := name + " " + k
		if !ok {
			l.fail("", origin, "it is not known", l.hint(k))
			continue
		}
		if v == "" {
			continue
		}
		value, err := known.parse(v)
		if err != nil {
			l.fail(k, origin, err.Error(), "write "+known.kind.String())
			continue
		}
		out.set(k, value, origin)
	}
	return out
}

// hint says what an unknown key may have been meant to be.
func (l *loader) hint(name string) string {
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.name)
	}
	if meant := near.Name(name, names); meant != "" {
		return "did you mean " + meant + "?"
	}
	return "known are " + join(names)
}

func join(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	s := ""
	for i, n := range names {
		if i > 0 {
			s += ", "
		}
		s += n
	}
	return s
}

// switchTLS is the variable XCRAFT_TLS, which Xcraft documents.
func (l *loader) switchTLS() *layer {
	v := l.env("XCRAFT_TLS")
	if v == "" {
		return nil
	}
	on, err := parseTruth(v)
	if err != nil {
		l.fail("", "XCRAFT_TLS", err.Error(), "write true or false")
		return nil
	}
	out := &layer{origin: "XCRAFT_TLS"}
	out.set("tls", boolText(on), "")
	return out
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// whereabouts finds the folders.
func (l *loader) whereabouts() {
	l.root = first(l.src.Root, l.env("XCRAFT_ROOT"))
	app := first(l.src.App, l.env("GOBLINS_APP"), l.env("WESTEROS_APP"))
	l.app, l.variant = cut(app)
	l.resources = l.src.Resources
	if l.root == "" {
		return
	}
	if !isDir(l.root) {
		l.find("", "XCRAFT_ROOT", "the folder "+l.root+" does not exist", "it is the folder that holds etc and var/run")
	}
	for _, dir := range []string{filepath.Join(l.root, "app", l.app, "resources"), filepath.Join(l.root, "resources"), l.root} {
		if l.resources == "" && isDir(dir) {
			l.resources = dir
		}
	}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
