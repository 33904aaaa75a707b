package config_test

import (
	"fmt"

	"github.com/xcraft-go/xbus/config"
)

func ExampleLoad() {
	variables := map[string]string{
		"XCRAFT_CONFIG": `{"xcraft-core-bus": {"host": "bus.example", "commanderPort": "21400", "notifierPort": "21800", "nise": 5}}`,
	}
	cfg, err := config.Load(config.Sources{
		Flags:     map[string]string{"nice": "5"},
		LookupEnv: func(name string) (string, bool) { v, ok := variables[name]; return v, ok },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.URL) // for xbus.Connect
	for _, name := range []string{"commanderPort", "nice", "timeout"} {
		s := cfg.Setting(name)
		fmt.Printf("%s = %s, from %s\n", s.Key, s.Value, s.Origin)
	}
	fmt.Println(cfg.Findings)
	// Output:
	// xcraft://bus.example:21400?events=21800&nice=5
	// commanderPort = 21400, from XCRAFT_CONFIG xcraft-core-bus
	// nice = 5, from flag nice
	// timeout = 0, from default
	// [XCRAFT_CONFIG xcraft-core-bus: nise: this key is not known (did you mean nice?)]
}
