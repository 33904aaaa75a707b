package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/xcraft-go/xbus/interop"
)

// The scripts know, beyond those of testscript, the commands
//
//	hall [flags]                 starts xbus serve on free ports and sets XBUS_URL, HALL_TOKEN, HALL_COMMANDER, HALL_NOTIFIER
//	exit code program [args]     runs a program and compares its exit code
//	quick code program [args]    the same, for what has to end without a timeout
//	begin name pattern [args]    starts xbus beside the script and waits until it has written the pattern;
//	                             its output stands in name.out and name.err
//	await name pattern           waits until it has written another one
//	finish name code             interrupts it and compares its exit code
//	mkcerts                      writes certificates
func scripts(t *testing.T, dir string, setup func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hall": startHall, "exit": exits, "quick": quick, "mkcerts": makeCerts,
			"begin": begins, "await": awaits, "finish": finishes,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir)
			env.Setenv("GORACE", noPause)
			env.Setenv("WORK_ID", fmt.Sprint(os.Getpid()))
			if setup != nil {
				return setup(env)
			}
			return nil
		},
	})
}

func TestScripts(t *testing.T) { scripts(t, "testdata/script", nil) }

// The same program against the real server.
func TestRealServer(t *testing.T) {
	interop.Require(t)
	hall := interop.StartServerT(t, interop.ServerOptions{})
	scripts(t, "testdata/real", func(env *testscript.Env) error {
		env.Setenv("XBUS_URL", hall.URL())
		return nil
	})
}

func startHall(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: hall [flags]")
	}
	hall := program(append([]string{"serve", "--commander", "0", "--notifier", "0"}, args...)...)
	hall.Dir = ts.MkAbs(".")
	line, stop, err := startServe(hall)
	if err != nil {
		ts.Fatalf("hall: %v", err)
	}
	ts.Defer(stop)
	ts.Setenv("XBUS_URL", line.URL)
	ts.Setenv("HALL_TOKEN", line.Token)
	ts.Setenv("HALL_COMMANDER", fmt.Sprint(line.CommanderPort))
	ts.Setenv("HALL_NOTIFIER", fmt.Sprint(line.NotifierPort))
}

// noPause keeps the race detector from waiting for a second at each end.
const noPause = "atexit_sleep_ms=0"

// program is the test binary in the role of xbus.
func program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"xbus"}, args...)
	cmd.Env = append(os.Environ(), "GORACE="+noPause, "XDG_CONFIG_HOME=/no/such/home", "XBUS_URL=", "XCRAFT_ROOT=", "XCRAFT_CONFIG=", "XBUS_CONTEXT=")
	return cmd
}

// startServe starts a hall and reads its ready line; stop ends it politely.
func startServe(cmd *exec.Cmd) (line ready, stop func(), err error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return line, nil, err
	}
	if err := cmd.Start(); err != nil {
		return line, nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}
	text, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(text, &line)
	}
	if err != nil {
		stop()
		return line, nil, fmt.Errorf("no ready line: %v\n%s", err, stderr.String())
	}
	return line, stop, nil
}

// exits runs a program and compares its exit code: exit CODE program [args].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit code program [args]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// endLimit is how long commands may take to end that have nothing to wait for. On a
// machine that is not busy it is much less than a second; this is less than the
// timeouts that they are given.
const endLimit = 20 * time.Second

// quick is exit, for what has to end without a timeout.
func quick(ts *testscript.TestScript, neg bool, args []string) {
	began := time.Now()
	exits(ts, neg, args)
	if took := time.Since(began); took > endLimit {
		ts.Fatalf("it took %v", took)
	}
}

// makeCerts writes hall.pem, other.pem and known.pem with their keys, and
// accepted/known.pem.
func makeCerts(ts *testscript.TestScript, _ bool, _ []string) {
	for _, name := range []string{"hall", "other", "known"} {
		cert, key, err := selfSigned(name)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), cert, 0o644))
		ts.Check(os.WriteFile(ts.MkAbs(name+"-key.pem"), key, 0o600))
		if name == "known" {
			ts.Check(os.Mkdir(ts.MkAbs("accepted"), 0o755))
			ts.Check(os.WriteFile(ts.MkAbs("accepted/known.pem"), cert, 0o644))
		}
	}
}

func selfSigned(name string) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), err
}
