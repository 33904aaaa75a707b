package server_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/payload"
	"github.com/xcraft-go/xbus/server"
)

// demo offers what the scenarios of the reference expect of a hall.
func demo(t *testing.T, hall *server.Hall) {
	t.Helper()
	offer := func(name string, fn func(ctx context.Context, r *server.Request) (any, error), opts ...server.HandlerOption) {
		if err := hall.HandleRaw("demo."+name, fn, opts...); err != nil {
			t.Error(err)
		}
	}
	offer("echo", func(_ context.Context, r *server.Request) (any, error) {
		m := r.Message
		return payload.Parts{Data: m.Data, Immu: m.Immu(), Shred: m.Shred(), Chunk: m.Chunk}, nil
	}, server.Desc("send the data back"), server.Optional("value"))
	offer("tick", func(ctx context.Context, r *server.Request) (any, error) {
		in := struct{ N int }{3}
		if err := r.Decode(&in); err != nil {
			return nil, err
		}
		for i := range in.N {
			hallErr := r.Hall().Publish(ctx, "demo::ticked", map[string]int{"i": i})
			if err := r.Send("demo.progressed", map[string]int{"i": i, "n": in.N}); err != nil || hallErr != nil {
				return nil, fmt.Errorf("%v, %v", err, hallErr)
			}
		}
		return in.N, nil
	})
	offer("fail", func(context.Context, *server.Request) (any, error) {
		return nil, &server.Error{Code: "DEMO_FAIL", Message: "it failed", Name: "DemoError", Stack: "DemoError: it failed\n    at demo",
			Info: map[string]string{"why": "because"}}
	})
	offer("failString", func(context.Context, *server.Request) (any, error) { return nil, fmt.Errorf("plain text") })
	offer("slow", func(ctx context.Context, r *server.Request) (any, error) {
		in := struct{ Ms int }{100}
		r.Decode(&in)
		select {
		case <-time.After(time.Duration(in.Ms) * time.Millisecond):
			return in, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
	offer("kick", func(_ context.Context, r *server.Request) (any, error) {
		r.Hall().Cut(r.OrcName)
		return nil, nil
	})
	demoPayloads(offer)
}

func demoPayloads(offer func(string, func(context.Context, *server.Request) (any, error), ...server.HandlerOption)) {
	sample := func() payload.Value {
		v, err := payload.Immutable(map[string]any{"a": 1, "b": map[string]any{"c": []any{1, "two", nil, true}}})
		if err != nil {
			panic(err)
		}
		return v
	}
	offer("immutable", func(_ context.Context, r *server.Request) (any, error) {
		var in struct{ Kind string }
		r.Decode(&in)
		if in.Kind == "list" {
			return payload.NewList(1, payload.Undefined), nil
		}
		return sample(), nil
	})
	offer("shredder", func(context.Context, *server.Request) (any, error) { return payload.NewShredder(sample()), nil })
	offer("immutableKeys", func(context.Context, *server.Request) (any, error) {
		return map[string]any{"plain": 1, "map": sample(), "shredder": payload.NewShredder(sample()),
			"data": map[string]any{"inner": payload.NewList(1)}}, nil
	})
	offer("chunk", func(_ context.Context, r *server.Request) (any, error) {
		var in struct{ Hex string }
		r.Decode(&in)
		b, err := hex.DecodeString(in.Hex)
		return map[string]any{"name": "chunk", "chunk": b}, err
	})
	offer("kind", func(_ context.Context, r *server.Request) (any, error) {
		var v payload.Value
		if err := r.Decode(&v); err != nil {
			return nil, err
		}
		keys := map[string]string{}
		for key, member := range v.All() {
			name, _ := key.Str()
			keys[name] = member.Kind().String()
			if b, ok := member.Bytes(); ok {
				keys[name] = "Buffer " + hex.EncodeToString(b)
			}
		}
		return map[string]any{"keys": keys}, nil
	})
}

// decodeT reads JSON for a test.
func decodeT[T any](t *testing.T, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}
