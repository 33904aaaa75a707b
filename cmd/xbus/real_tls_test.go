package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/interop"
)

// The real server with client certificates, reached in the ways that Xcraft
// people write it.
func TestRealServerTLS(t *testing.T) {
	interop.Require(t)
	certs, err := interop.MakeCerts(t.TempDir(), "known")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := certs.Add("stranger")
	if err != nil {
		t.Fatal(err)
	}
	hall := interop.StartServerT(t, interop.ServerOptions{Key: certs.Server.Key, Cert: certs.Server.Cert, Certs: certs.Accepted})
	known := certs.Client("known")
	at := fmt.Sprintf("127.0.0.1:%d?events=%d", hall.Ready().CommanderPort, hall.Ready().NotifierPort)
	xcraft := func(members map[string]any) string {
		members["commanderPort"], members["notifierPort"] = fmt.Sprint(hall.Ready().CommanderPort), hall.Ready().NotifierPort
		text, err := json.Marshal(map[string]any{"xcraft-core-bus": members})
		if err != nil {
			t.Fatal(err)
		}
		return "XCRAFT_CONFIG=" + string(text)
	}

	for name, c := range map[string]struct {
		args []string
		env  string
		code int
		text string
	}{
		"pin, certificate": {[]string{"--url", "xcrafts://" + at, "--pin", certs.Server.Cert, "--cert", known.Cert, "--key", known.Key}, "", codeOK, `"secure":true`},
		"authority":        {[]string{"--url", "xcrafts://" + at, "--ca", certs.Server.Cert, "--cert", known.Cert, "--key", known.Key}, "", codeOK, `"secure":true`},
		"in the address":   {[]string{"--url", hall.URLFor(known)}, "", codeOK, `"secure":true`},
		"keys of Xcraft": {nil, xcraft(map[string]any{"caPath": certs.Server.Cert, "certPath": known.Cert, "keyPath": known.Key, "noTLS": "false"}),
			codeOK, `"secure":true`},
		"no certificate":  {[]string{"--url", "xcrafts://" + at, "--pin", certs.Server.Cert}, "", codeRefused, "rejected the client certificate"},
		"of a stranger":   {[]string{"--url", "xcrafts://" + at, "--pin", certs.Server.Cert, "--cert", stranger.Cert, "--key", stranger.Key}, "", codeRefused, "rejected the client certificate"},
		"another hall's":  {[]string{"--url", "xcrafts://" + at, "--pin", certs.WrongName.Cert, "--cert", known.Cert, "--key", known.Key}, "", codeRefused, "not the pinned one"},
		"without any TLS": {[]string{"--url", "xcraft://" + at}, "", codeRefused, "the hall speaks TLS"},
	} {
		cmd := program(append([]string{"state", "--json"}, c.args...)...)
		if c.env != "" {
			cmd.Env = append(cmd.Env, c.env)
		}
		out, err := cmd.CombinedOutput()
		if code := exitCode(err); code != c.code || !strings.Contains(string(out), c.text) {
			t.Errorf("%s: code %d, want %d; lacks %q:\n%s", name, code, c.code, c.text, out)
		}
	}
}

func exitCode(err error) int {
	exit, ok := err.(*exec.ExitError)
	switch {
	case err == nil:
		return 0
	case ok:
		return exit.ExitCode()
	}
	return -1
}
