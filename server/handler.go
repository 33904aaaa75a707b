package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A HandlerOption says something about a command, for the registry (protocol
// §4.5) or for the way it runs.
type HandlerOption func(*handlerOptions)

type handlerOptions struct {
	desc      string
	module    string
	version   string
	required  []string
	optional  []string
	variadic  bool
	serial    bool
	timeout   time.Duration
	questions map[string]any
}

// Desc describes the command in one line.
func Desc(text string) HandlerOption { return func(o *handlerOptions) { o.desc = text } }

// Required names members of the data that must be there; a command without them
// is refused before the handler runs.
func Required(names ...string) HandlerOption {
	return func(o *handlerOptions) { o.required = append(o.required, names...) }
}

// Optional names members of the data that may be there.
func Optional(names ...string) HandlerOption {
	return func(o *handlerOptions) { o.optional = append(o.optional, names...) }
}

// Variadic tells that the last parameter takes several values.
func Variadic() HandlerOption { return func(o *handlerOptions) { o.variadic = true } }

// Parallel lets activities of the command run beside all others, which is the
// default: only those of the same client wait for one another (protocol §5.3).
func Parallel() HandlerOption { return func(o *handlerOptions) { o.serial = false } }

// Serial makes activities of the command exclusive: one at a time in the whole
// hall, of all serial commands and all clients.
func Serial() HandlerOption { return func(o *handlerOptions) { o.serial = true } }

// Timeout is how long the handler may take, instead of Config.Timeout; negative
// for as long as it wants. An activity without a limit can block others for ever.
func Timeout(d time.Duration) HandlerOption { return func(o *handlerOptions) { o.timeout = d } }

// Module names where the command comes from, default the part of its name before
// the last dot, and its version.
func Module(name, version string) HandlerOption {
	return func(o *handlerOptions) { o.module, o.version = name, version }
}

// Ranking is the member rankingPredictions of the questOptions: what user
// interfaces propose first.
func Ranking(predictions any) HandlerOption { return QuestOption("rankingPredictions", predictions) }

// QuestOption is one member of the questOptions of the registry.
func QuestOption(name string, value any) HandlerOption {
	return func(o *handlerOptions) {
		if o.questions == nil {
			o.questions = make(map[string]any)
		}
		o.questions[name] = value
	}
}

// Handle offers a command. The data of the command is stored in an In before fn
// runs: what does not fit is answered by an error that names the member. In may
// be a struct, a map, json.RawMessage, payload.Value or any; struct{} for none.
// What fn returns is the answer; nil is an answer without data.
//
// ctx ends when the caller goes, the deadline passes or the hall stops; a handler
// must return then. [RequestOf] gives its request, for progress, for nested calls
// and for who asks. A panic is answered by an error. Handlers share goroutines: one
// that locks its thread or sets labels of a profile undoes that before it returns.
//
// The error tells what is wrong with the name or the options.
func Handle[In, Out any](h *Hall, name string, fn func(ctx context.Context, in In) (Out, error), opts ...HandlerOption) error {
	if fn == nil {
		panic("server: Handle without a function: give the handler of " + name)
	}
	o, err := collect(name, opts)
	if err != nil {
		return err
	}
	if err := checkParams(name, reflect.TypeFor[In](), append(o.required, o.optional...)); err != nil {
		return err
	}
	return h.handle(name, o, func(ctx context.Context, r *Request) (any, error) {
		in, err := take[In](r)
		if err != nil {
			return nil, err
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		return give(r, out), nil
	})
}

// take makes the input of a handler. Raw JSON is passed on as it is, and nothing
// is allocated for it.
func take[In any](r *Request) (in In, err error) {
	if _, isRaw := any(in).(json.RawMessage); isRaw && isPlain(r.Message) {
		return any(r.Message.Data).(In), nil
	}
	return decoded[In](r)
}

func decoded[In any](r *Request) (in In, err error) {
	if err := r.Decode(&in); err != nil {
		return in, r.misfit(err)
	}
	return in, r.giveUpload(&in)
}

// give makes the result of a handler, raw JSON without an allocation.
func give[Out any](r *Request, out Out) any {
	if raw, isRaw := any(out).(json.RawMessage); isRaw {
		r.raw = raw
		return &r.raw
	}
	return out
}

// HandleRaw is Handle for handlers that read the message themselves. The result
// may be of any type, payload.Parts included.
func (h *Hall) HandleRaw(name string, fn func(context.Context, *Request) (any, error), opts ...HandlerOption) error {
	if fn == nil {
		panic("server: HandleRaw without a function: give the handler of " + name)
	}
	o, err := collect(name, opts)
	if err != nil {
		return err
	}
	return h.handle(name, o, fn)
}

func collect(name string, opts []HandlerOption) (o handlerOptions, err error) {
	for i, opt := range opts {
		if opt == nil {
			return o, fmt.Errorf("server: command %q: option %d is nil: leave it out", name, i)
		}
		opt(&o)
	}
	for _, p := range append(o.required, o.optional...) {
		if p == "" {
			return o, fmt.Errorf("server: command %q: a parameter has no name", name)
		}
	}
	return o, nil
}

func (h *Hall) handle(name string, o handlerOptions, fn func(context.Context, *Request) (any, error)) error {
	entry, err := o.entry(name)
	if err != nil {
		return err
	}
	handler := fn
	if len(o.required) > 0 {
		handler = func(ctx context.Context, r *Request) (any, error) {
			if err := r.require(o.required); err != nil {
				return nil, err
			}
			return fn(ctx, r)
		}
	}
	return h.commands.add(&command{name: name, handler: handler, parallel: !o.serial, timeout: o.timeout, entry: entry})
}

// require checks that members of the data are there.
func (r *Request) require(names []string) error {
	var data map[string]json.RawMessage
	if len(r.Message.Data) > 0 && json.Unmarshal(r.Message.Data, &data) != nil || r.Message.Immu() != nil || r.Message.Shred() != nil {
		return nil // another kind of data: the type of the handler decides
	}
	var missing []string
	for _, name := range names {
		if _, ok := data[name]; !ok {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	r.hall.counts.refuse(BadArguments)
	return Errorf(CodeArguments, "%s: missing in the data: %s", r.command.name, strings.Join(missing, ", ")).
		WithInfo(map[string]any{"missing": missing})
}

// misfit says what of the data does not fit.
func (r *Request) misfit(err error) error {
	r.hall.counts.refuse(BadArguments)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
		return Errorf(CodeArguments, "%s: %s must be %s, not %s", r.command.name, t.Field, t.Type, t.Value)
	}
	return Errorf(CodeArguments, "%s: the data does not fit: %w", r.command.name, err)
}

// checkParams compares the parameters of a command with the members of In, so
// that a misspelt one is found at the start and not at the first call.
func checkParams(name string, in reflect.Type, params []string) error {
	if in.Kind() != reflect.Struct || len(params) == 0 {
		return nil
	}
	fields := make(map[string]bool)
	for _, f := range reflect.VisibleFields(in) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "" {
			tag = f.Name
		}
		fields[strings.ToLower(tag)] = true
	}
	if in.PkgPath() != "" && len(fields) == 0 {
		return nil // a type that decodes itself
	}
	for _, p := range params {
		if !fields[strings.ToLower(strings.TrimSuffix(p, "..."))] {
			return fmt.Errorf("server: command %q: the parameter %q is no member of %s: correct one of them", name, p, in)
		}
	}
	return nil
}
