// Command mkcerts makes the certificates for a server and for clients that are
// run by hand:
//
//	go run ./interop/mkcerts FOLDER [CLIENT...]
package main

import (
	"fmt"
	"os"

	"github.com/xcraft-go/xbus/interop"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: mkcerts FOLDER [CLIENT...]")
		os.Exit(2)
	}
	certs, err := interop.MakeCerts(os.Args[1], os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("server:  --key=%s --cert=%s --certs=%s\n", certs.Server.Key, certs.Server.Cert, certs.Accepted)
	for _, name := range os.Args[2:] {
		pair := certs.Client(name)
		fmt.Printf("client:  --ca=%s --key=%s --cert=%s\n", certs.Server.Cert, pair.Key, pair.Cert)
	}
}
