// Package config finds out where a great hall is, the way Xcraft programs do,
// and says where each value comes from.
//
//	cfg, err := config.Load(config.Sources{})
//	if err != nil {
//		return err
//	}
//	client, err := xbus.Connect(ctx, cfg.URL)
//
// # The order
//
// A value that stands in several places is taken from the first of these:
//
//  1. [Sources.Options], what a program decides
//  2. [Sources.Flags] and [Sources.URL], what its user writes on the command line
//  3. the variables XBUS_URL, XCRAFT_TLS and XBUS_CONTEXT
//  4. the variable XCRAFT_CONFIG, JSON by module
//  5. the run file var/run/xcraftd.<pid> of a server that runs, which has the
//     real ports, beneath XCRAFT_ROOT
//  6. etc/xcraft-core-bus/config.json and etc/xcraft-core-busclient/config.json
//     beneath XCRAFT_ROOT
//  7. the current context of the file of contexts
//  8. the defaults: 127.0.0.1, 35400, 35800
//
// An address (a URL, or a context that has one) names a hall as a whole: its
// host, ports, sockets and certificates. From the places beneath it only manners
// are taken: keep-alive, time-out, nice and the like.
//
// # Contexts
//
// The file of contexts, xbus/contexts.json in the user's folder of configurations,
// names targets. Each has an address or keys, or both:
//
//	{"current": "dev", "contexts": {
//	    "dev":  {"url": "xcraft://127.0.0.1:21400?events=21800"},
//	    "prod": {"url": "xcrafts://bus.example?pin=bus-cert.pem", "nice": 5}}}
//
// # Keys
//
// All keys of xcraft-core-bus and xcraft-core-busclient are known in their
// spelling, and those of a horde's topology. Numbers and truth values may be
// written as text. An empty text means that the key is not set. Certificates are
// a path or "base64:" and the encoded PEM; relative paths in the files of Xcraft
// begin at the resources of the application, elsewhere in the working folder.
//
// caPath is what the reference trusts: the certificate of the hall itself, whose
// name does not matter. That is a pin. An authority is the key ca.
//
// # What is promised
//
// Load reads files and variables and changes nothing. A value that cannot be
// meant, e.g. a port "abc", is an error that names the key, the place and what
// to write. An unknown key, or one that another contradicts, is a [Finding].
// Private keys never stand in [Setting] or in what a [Config] prints; they do
// stand in [Config.URL] when they were given inline.
package config
