package server

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestAsk(t *testing.T) {
	for _, test := range []struct {
		data string
		want ask
	}{
		{`{"autoConnectToken":"t","nice":5,"noForwarding":true}`, ask{autoConnectToken: "t", nice: 5, noForwarding: true}},
		{`{"autoConnectToken":"t","xbus":{"version":1,"session":"s","seq":18446744073709551615,"attempt":2,"more":{}}}`,
			ask{autoConnectToken: "t", xbus: &announced{1, "s", 1<<64 - 1, 2}}},
		{`{"autoConnectToken":{},"nice":"5","noForwarding":0,"xbus":[]}`, ask{xbus: new(announced)}},
		{`{"xbus":{"version":"1","session":5,"seq":-1,"attempt":1.5}}`, ask{xbus: new(announced)}},
		{`[]`, ask{}}, {``, ask{}}, {`null`, ask{}},
	} {
		if got := askOf(json.RawMessage(test.data)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s is %+v, want %+v", test.data, got, test.want)
		}
	}
}

func TestWelcome(t *testing.T) {
	h := &Hall{token: `to"ken`}
	for _, test := range []struct {
		resume *resumed
		want   string
	}{
		{nil, `{"token":"to\"ken","orcName":"Grom@t","cmdRegistry":{"a":{}},"isLoaded":true}`},
		{&resumed{session: "s", seq: 12, clients: 3}, `{"token":"to\"ken","orcName":"Grom@t","cmdRegistry":{"a":{}},"isLoaded":true,` +
			`"xbus":{"version":1,"session":"s","known":false,"seq":12,"replayed":0,"clients":3}}`},
		{&resumed{session: "s", known: true, replayed: 2, lost: SlowConsumer}, `{"token":"to\"ken","orcName":"Grom@t","cmdRegistry":{"a":{}},"isLoaded":true,` +
			`"xbus":{"version":1,"session":"s","known":true,"seq":0,"replayed":2,"clients":0,"lost":"` + string(SlowConsumer) + `"}}`},
	} {
		if got := h.welcomeText("Grom@t", json.RawMessage(`{"a":{}}`), test.resume); string(got) != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestNodeNameOfARoute(t *testing.T) {
	const arp = `{"a":{"nodeName":"x"},"t":{"token":"t","nodeName":"zog","port":1}}`
	for orc, want := range map[string]string{"t": "zog", "a": "x", "b": ""} {
		if got := nodeNameOf(json.RawMessage(arp), orc); got != want {
			t.Errorf("the node of %s is %q, want %q", orc, got, want)
		}
	}
	if got := nodeNameOf(json.RawMessage(`{"t":{"nodeName":5}}`), "t"); got != "" {
		t.Errorf("the node is %q", got)
	}
}
