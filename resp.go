package xbus

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/xcraft-go/xbus/conn"
	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/operators"
	"github.com/xcraft-go/xbus/rpc"
	"github.com/xcraft-go/xbus/topics"
)

// OrcToken is the special name for [Client.Resp] that stands for the hall
// itself: "greathall@<token>" (protocol §5.7).
const OrcToken = "token"

// A Resp is a client seen from one module: its calls and topics go under one orc
// name and carry one message context, and its log lines name the module. It is a
// value without life of its own; make as many as you like.
type Resp struct {
	client  *Client
	module  string
	orcName string
	context json.RawMessage
	log     *slog.Logger
}

// Resp makes the view of a module. orcName is "" for the client's own name,
// OrcToken for the hall's, or any other.
func (c *Client) Resp(module, orcName string) *Resp {
	return &Resp{client: c, module: module, orcName: orcName, log: c.logger.With("module", module)}
}

// WithContext returns a Resp whose calls carry a message context: any value that
// JSON can hold. It follows each command through the hall.
func (r *Resp) WithContext(v any) (*Resp, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("xbus: message context: %w", err)
	}
	with := *r
	with.context = raw
	return &with, nil
}

// Module returns the name of the module.
func (r *Resp) Module() string { return r.module }

// OrcName returns the name that the calls of this Resp go under. The client's
// own and the hall's are "" before the first session.
func (r *Resp) OrcName() string {
	switch r.orcName {
	case "":
		return r.client.OrcName().Load()
	case OrcToken:
		return hallName(r.client.Token().Load())
	}
	return r.orcName
}

// MsgContext returns the message context, nil for none.
func (r *Resp) MsgContext() json.RawMessage { return r.context }

// Log returns the logger of the module.
func (r *Resp) Log() *slog.Logger { return r.log }

// Client returns the client beneath.
func (r *Resp) Client() *Client { return r.client }

func (r *Resp) options(opts []rpc.Option) []rpc.Option {
	var own []rpc.Option
	if r.orcName != "" {
		own = append(own, rpc.As(r.orcName)) // OrcToken is replaced when the session is known
	}
	if r.context != nil {
		own = append(own, rpc.WithContext(r.context))
	}
	return append(own, opts...)
}

// Call sends a command under the name and with the context of this Resp.
func (r *Resp) Call(ctx context.Context, command string, data any, opts ...rpc.Option) *rpc.Pending {
	return r.client.Call(ctx, command, data, r.options(opts)...)
}

// Send is Call without an answer.
func (r *Resp) Send(ctx context.Context, command string, data any, opts ...rpc.Option) error {
	return r.client.Send(ctx, command, data, r.options(opts)...)
}

// Retry sends the message of a call that has ended again.
func (r *Resp) Retry(ctx context.Context, call *rpc.Pending) *rpc.Pending {
	return r.client.Retry(ctx, call)
}

// Topic is Client.Topic; a relative pattern means the events of the Resp's own
// orc name, also when that changes.
func (r *Resp) Topic(pattern string, opts ...observable.SubscribeOption) Topic {
	return r.client.topicOf(r.orcName, pattern, opts)
}

// CatchAll is the topic of every event.
func (r *Resp) CatchAll(opts ...observable.SubscribeOption) Topic {
	return r.client.Topic("*::*", opts...)
}

// Publish is Client.Publish; a relative topic is of the Resp's own orc name.
func (r *Resp) Publish(ctx context.Context, topic string, data any) error {
	if r.orcName == OrcToken && r.OrcName() == "" {
		if err := r.client.Ready(ctx); err != nil {
			return fmt.Errorf("xbus: publish %q: %w", topic, err)
		}
	}
	if r.orcName != "" {
		topic = topics.Expand(topic, r.OrcName())
	}
	return r.client.Publish(ctx, topic, data, r.options(nil)...)
}

// UnsubscribeAll is Client.UnsubscribeAll; a relative pattern is of the Resp's
// own orc name.
func (r *Resp) UnsubscribeAll(pattern string) int {
	return r.client.subs.unsubscribe(pattern, r.orcName)
}

// HasCommand reports whether the hall knows a command.
func (r *Resp) HasCommand(name string) bool { return r.client.registry.Load().Has(name) }

// Registry returns the commands of the hall as they are now.
func (r *Resp) Registry() *rpc.Registry { return r.client.registry.Load() }

// RegistryTime returns when the registry came; zero before the first session.
func (r *Resp) RegistryTime() time.Time {
	if registry := r.client.registry.Load(); registry != nil {
		return registry.Time
	}
	return time.Time{}
}

// IsConnected reports whether commands can be sent now.
func (r *Resp) IsConnected() bool { return r.client.State().Load().Usable() }

// Reconnections is the stream of losses and returns, of this connection and, as
// far as the hall tells, of its hordes.
func (r *Resp) Reconnections() observable.Observable[conn.Notice] {
	return r.notices(conn.ReconnectAttempt, conn.Reconnected)
}

// TokenChanges is the stream of restarts of the hall and of its hordes.
func (r *Resp) TokenChanges() observable.Observable[conn.Notice] { return r.notices(conn.TokenChanged) }

// OrcNameChanges is the stream of new names.
func (r *Resp) OrcNameChanges() observable.Observable[conn.Notice] {
	return r.notices(conn.OrcNameChanged)
}

// RegistryChanges is the stream of what changes in the registry.
func (r *Resp) RegistryChanges() observable.Observable[rpc.Diff] { return r.client.RegistryChanges() }

func (r *Resp) notices(kinds ...conn.NoticeKind) observable.Observable[conn.Notice] {
	return operators.Filter(r.client.Notices(), func(n conn.Notice) bool { return slices.Contains(kinds, n.Kind) })
}
