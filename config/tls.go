package config

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
)

// What the configuration says about TLS.
type wish uint8

const (
	automatic wish = iota // on as soon as there is something to trust
	demanded
	refused
)

// wish finds the most important place that says something about TLS.
func (l *loader) wish() (wish, string) {
	for _, at := range l.layers {
		if v, ok := at.values["tls"]; ok {
			if v == "true" {
				return demanded, at.originOf("tls")
			}
			return refused, at.originOf("tls")
		}
		if v, ok := at.values["noTLS"]; ok {
			if v == "true" {
				return refused, at.originOf("noTLS")
			}
			return automatic, at.originOf("noTLS")
		}
		if at.whole {
			break
		}
	}
	return automatic, "default"
}

// secure decides about TLS, and sets what it needs.
func (l *loader) secure(query url.Values) bool {
	wish, origin := l.wish()
	l.tlsVariable(wish)
	name, trusted, by := l.trusted()
	if wish == refused {
		l.reportUnused(origin)
		return false
	}
	if trusted == "" && l.xcraftDecides() {
		name, trusted = l.assumed()
	}
	if trusted == "" && wish == automatic {
		return false
	}
	if trusted != "" {
		query.Set(name, trusted)
		if !readable(trusted) {
			l.fail(name, originOf(by, name), "the certificate "+trusted+" cannot be read", "give a PEM file or base64:…")
		}
	}
	if v := l.value("servername"); v != "" {
		query.Set("servername", v)
	}
	l.identify(query)
	return true
}

// xcraftDecides reports whether no address has the last word, so that what the
// reference assumes without being told holds here too.
func (l *loader) xcraftDecides() bool {
	for _, at := range l.layers {
		if at.whole {
			return false
		}
	}
	return l.root != "" || l.resources != ""
}

// trusted is the authority or the certificate to trust, and under which
// parameter: that of the most important place that has either.
func (l *loader) trusted() (name, value string, by *layer) {
	for _, at := range l.layers {
		ca, pin := at.values["ca"], first(at.values["pin"], at.values["caPath"])
		switch {
		case ca != "" && pin != "":
			l.fail("ca", at.originOf("ca"), "an authority and a pinned certificate exclude each other", "give --ca for the authority, or --pin for the very certificate of the hall")
			return "ca", ca, at
		case ca != "":
			return "ca", ca, at
		case pin != "":
			return "pin", pin, at
		}
		if at.whole {
			break
		}
	}
	return "", "", nil
}

// assumed is what the reference trusts without being told: the file
// server-cert.pem of the resources; or what the hall's own configuration shows.
func (l *loader) assumed() (name, value string) {
	if path := l.defaultPin(); path != "" {
		return "pin", path
	}
	cert, at := l.get("certPath")
	if at != nil && at.ofHall && l.value("keyPath") != "" && readable(cert) {
		return "pin", cert
	}
	return "", ""
}

// identify sets our own certificate.
func (l *loader) identify(query url.Values) {
	cert, by := l.get("certPath")
	key, keyBy := l.get("keyPath")
	if cert == "" && key == "" {
		l.realm(query)
		return
	}
	if cert == "" || key == "" {
		missing, at, name := "keyPath", by, "certPath"
		if cert == "" {
			missing, at, name = "certPath", keyBy, "keyPath"
		}
		l.fail(name, originOf(at, name), "a certificate needs both certPath and keyPath", missing+" is missing")
		return
	}
	if by.ofHall && !readable(key) {
		l.find("keyPath", originOf(keyBy, "keyPath"), "the hall's key "+key+" cannot be read here; no client certificate is shown", "give --cert and --key if the hall asks for one")
		return
	}
	query.Set("cert", cert)
	query.Set("key", key)
}

// realm looks for the client certificate that a gatekeeper has delivered.
func (l *loader) realm(query url.Values) {
	gatekeeper, by := l.get("gatekeeper")
	id := l.value("hordeId")
	switch {
	case gatekeeper == "":
		return
	case id == "":
		l.find("gatekeeper", originOf(by, "gatekeeper"), "it has no effect without hordeId", "")
		return
	}
	stores := l.realmStores()
	for _, dir := range stores {
		base := filepath.Join(dir, id+"@"+l.variant)
		if cert, key := base+"-cert.pem", base+"-key.pem"; isFile(cert) && isFile(key) {
			query.Set("cert", cert)
			query.Set("key", key)
			return
		}
	}
	l.find("gatekeeper", originOf(by, "gatekeeper"), "there is no client certificate "+id+"@"+l.variant+"-cert.pem with its key in the realm store",
		"looked in "+join(stores))
}

// realmStores are the folders of certificates of realms, by the goblins.json of
// the root.
func (l *loader) realmStores() []string {
	if l.src.RealmStore != "" {
		return []string{l.src.RealmStore}
	}
	var project struct{ AppID, AppCompany string }
	for _, name := range []string{"goblins.json", "westeros.json"} {
		if text, err := os.ReadFile(filepath.Join(l.root, name)); err == nil && json.Unmarshal(text, &project) == nil {
			break
		}
	}
	data := l.env("XDG_CONFIG_HOME")
	if data == "" {
		data, _ = os.UserConfigDir()
	}
	app, _ := cut(first(l.app, project.AppID))
	var list []string
	for _, store := range []string{"xcraft-realms", "xcraft-realms-dev"} {
		list = append(list, filepath.Join(data, project.AppCompany, store, app))
	}
	return list
}

// reportUnused tells which certificates have no effect without TLS: an error
// when the same or a more important place gives them.
func (l *loader) reportUnused(origin string) {
	for _, name := range []string{"caPath", "ca", "pin", "certPath", "keyPath"} {
		v, at := l.get(name)
		switch {
		case v == "" || at == nil:
		case at.ofHall || at.whole:
			l.find(name, originOf(at, name), "it has no effect: "+origin+" says no TLS", "write xcrafts://, or leave noTLS out")
		default:
			l.fail(name, originOf(at, name), origin+" says no TLS", "write xcrafts://, or leave "+name+" out")
		}
	}
}

// tlsVariable tells when XCRAFT_TLS says something else than what counts.
func (l *loader) tlsVariable(is wish) {
	on, err := parseTruth(l.env("XCRAFT_TLS"))
	if err != nil {
		return
	}
	if on && is == refused || !on && is == demanded {
		l.find("", "XCRAFT_TLS", "it has no effect: the address says otherwise", "")
	}
}
