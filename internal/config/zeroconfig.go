package config

import (
	_ "embed"
	"encoding/base64"
	"path/filepath"
)

// What a development server without any file runs on.
var (
	//go:embed zeroconf/kratos.yml
	zeroYAML string
	//go:embed zeroconf/identity.schema.json
	zeroSchema string
)

// zeroConfigFile is the name under which the built-in file shows as an origin.
const zeroConfigFile = "built-in.yml"

// builtIn says whether a value is from the built-in file, and not from one of that
// name.
func (o Origin) builtIn() bool { return o.File == zeroConfigFile && o.order < 0 }

// ZeroConfig says whether somebody tries things out: in development, without a file.
func (c *Config) ZeroConfig() bool { return c.zero }

// DataFolder is where a server keeps what nobody had to configure, its database and
// its secrets; empty where either was named.
func (c *Config) DataFolder() string {
	dsn, err := ParseDSN(c.DSN)
	if err != nil || !c.zero || !c.origin("dsn").builtIn() || len(c.generated) == 0 {
		return ""
	}
	return filepath.Dir(dsn.Path)
}

const defaultDataDir = "zelus-data"

// zeroConfig is the built-in file, with the database in the given folder.
func zeroConfig(dataDir string, found *problems) *node {
	if dataDir == "" {
		dataDir = defaultDataDir
	}
	root := parseFile(zeroConfigFile, -1, []byte(zeroYAML), found)
	dsn := root.field("dsn")
	dsn.text = "sqlite://" + filepath.Join(dataDir, "zelus.db") + "?_fk=true"
	schema := root.find("identity", "schemas").items[0].field("url")
	schema.text = "base64://" + base64.StdEncoding.EncodeToString([]byte(zeroSchema))
	return root
}
