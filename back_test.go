package xbus_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus"
	"github.com/xcraft-go/xbus/server"
)

// A hall tells each client how many there are, from which the default backoff
// knows how often it may look for a hall of this machine that is away.
func TestHowManyClientsThereAre(t *testing.T) {
	everywhere(t, server.Config{}, func(t *testing.T, hall *server.Hall, first *xbus.Client) {
		second := connect(t, hall.URL())
		for want, client := range []*xbus.Client{1: first, 2: second} {
			if client == nil {
				continue
			}
			session, _ := client.Session()
			var answer struct{ XBus struct{ Clients int } }
			if err := json.Unmarshal(session.Answer, &answer); err != nil || answer.XBus.Clients != want {
				t.Errorf("client %d was told of %d clients: %v", want, answer.XBus.Clients, err)
			}
		}
	})
}

// With default settings a client is back some milliseconds after its hall.
func TestBackSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := server.Config{Listen: []string{"mem://back-soon"}}
		var late []time.Duration
		hall := open(t, cfg)
		client, err := xbus.Connect(t.Context(), hall.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		for n := range uint64(21) {
			time.Sleep(time.Second)
			hall.Close()
			time.Sleep(2 * time.Second)
			hall = open(t, cfg)
			began := time.Now()
			awaitState(t, client, epoch(n+2))
			late = append(late, time.Since(began))
		}
		slices.Sort(late)
		if median := late[len(late)/2]; median > 20*time.Millisecond {
			t.Errorf("back after %v in the median: %v", median, late)
		}
	})
}
