package interop

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// LogLevel is how much the packages write to stderr.
type LogLevel int

// The levels of the reference; the zero value is the least talkative.
const (
	LogErrors LogLevel = iota
	LogWarnings
	LogInfo
	LogVerbose
)

// ServerOptions describes a great hall; the zero value is one on free TCP ports
// of 127.0.0.1 with the appId "xbus".
type ServerOptions struct {
	// App is the appId, which is also the routing key ("xbus").
	App string
	// Host is the address to listen on ("127.0.0.1").
	Host string
	// Commander and Notifier are the ports; 0 takes free ones below 32768.
	Commander, Notifier int
	// Unix is a socket identifier: no TCP, no TLS, no gzip (protocol §2.6).
	Unix string
	// Key and Cert are the PEM files of the server; they turn TLS on.
	Key, Cert string
	// Certs is the folder of the accepted client certificates; it turns mutual
	// TLS on.
	Certs string
	// Hold is how long autoconnect is kept waiting for its answer.
	Hold time.Duration
	// Timeout is the idle time after which the server destroys a socket.
	Timeout time.Duration
	// KeepAlive is the delay of TCP keep-alive (15 s).
	KeepAlive time.Duration
	// Horde is the other great halls to connect to, by appId.
	Horde map[string]Node
	// Tribe is the number of this instance, Tribes are the ports of all but
	// the first one.
	Tribe  int
	Tribes []Tribe
	// Log is how much goes to stderr.
	Log LogLevel
}

// Node is a great hall that another one connects to (protocol §8).
type Node struct {
	Host          string `json:"host"`
	CommanderPort int    `json:"commanderPort"`
	NotifierPort  int    `json:"notifierPort"`
	UnixSocketID  string `json:"unixSocketId,omitempty"`
	NoTLS         bool   `json:"noTLS"`
	CA            string `json:"caPath,omitempty"`
	Key           string `json:"keyPath,omitempty"`
	Cert          string `json:"certPath,omitempty"`
	// Passive nodes only get the commands with _xcraftRPC; without it, the
	// great hall ends with code 9 when it loses a node of the same machine.
	Passive      bool `json:"passive,omitempty"`
	NoForwarding bool `json:"noForwarding,omitempty"`
	OptimistLag  bool `json:"optimistLag,omitempty"`
	Nice         int  `json:"nice,omitempty"`
}

// Tribe is the ports of one more instance of an application.
type Tribe struct {
	CommanderPort int `json:"commanderPort"`
	NotifierPort  int `json:"notifierPort"`
}

// NodeOf is the passive node for a URL as [Server.URL] gives it.
func NodeOf(url string) (Node, error) {
	a, err := parseAddress(url)
	if err != nil {
		return Node{}, err
	}
	return Node{
		Host:          a.host,
		CommanderPort: a.commander,
		NotifierPort:  a.notifier,
		UnixSocketID:  a.unix,
		NoTLS:         !a.secure,
		CA:            a.ca,
		Key:           a.client.Key,
		Cert:          a.client.Cert,
		Passive:       true,
	}, nil
}

func (o ServerOptions) validate() error {
	switch {
	case (o.Key == "") != (o.Cert == ""):
		return fmt.Errorf("interop: server: give both Key and Cert, or neither")
	case o.Certs != "" && o.Key == "":
		return fmt.Errorf("interop: server: Certs needs Key and Cert: client certificates exist over TLS only")
	case o.Unix != "" && o.Key != "":
		return fmt.Errorf("interop: server: give Unix or Key and Cert: there is no TLS on Unix sockets")
	}
	return nil
}

func (o ServerOptions) flags() ([]string, error) {
	f := flags{}
	f.text("app", o.App)
	f.text("host", o.Host)
	f.number("commander", o.Commander)
	f.number("notifier", o.Notifier)
	f.text("unix", o.Unix)
	f.text("key", o.Key)
	f.text("cert", o.Cert)
	f.text("certs", o.Certs)
	f.duration("hold", o.Hold)
	f.duration("timeout", o.Timeout)
	f.duration("keepalive", o.KeepAlive)
	f.number("tribe", o.Tribe)
	f.log(o.Log)
	if len(o.Horde) > 0 {
		f.json("horde", o.Horde)
	}
	if len(o.Tribes) > 0 {
		f.json("tribes", o.Tribes)
	}
	return append(f.list, "--stdin"), f.err
}

// flags collects the options of a script; zero values stay the script's own.
type flags struct {
	list []string
	err  error
}

func (f *flags) text(name, value string) {
	if value != "" {
		f.list = append(f.list, "--"+name+"="+value)
	}
}

func (f *flags) number(name string, value int) {
	if value != 0 {
		f.text(name, strconv.Itoa(value))
	}
}

func (f *flags) duration(name string, value time.Duration) {
	f.number(name, int(value.Milliseconds()))
}

func (f *flags) log(level LogLevel) {
	f.text("log", strconv.Itoa(3-int(min(max(level, LogErrors), LogVerbose))))
}

func (f *flags) json(name string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		f.err = fmt.Errorf("interop: --%s: %w", name, err)
	}
	f.text(name, string(text))
}
