package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DSN is a database connection string, taken apart.
type DSN struct {
	// Dialect is sqlite, postgres, cockroach or mysql.
	Dialect string
	// Path is the file of an SQLite database; Memory keeps it in memory only.
	Path   string
	Memory bool
	// URL is what the driver is given: for sqlite a file: URI, for postgres
	// and cockroach a postgres:// URL, for mysql the driver's own form without
	// a scheme. It holds the password.
	URL string
	// MaxConns bounds the pool; 0 leaves it to the store. MaxIdleConns is read
	// because files have it, and changes nothing: idle connections go by time.
	MaxConns, MaxIdleConns int
	// MaxConnLifetime and MaxConnIdleTime bound a connection; 0 is no bound.
	MaxConnLifetime, MaxConnIdleTime time.Duration
}

const dsnSchemes = "memory, sqlite://, postgres://, postgresql://, cockroach://, cockroachdb://, crdb:// and mysql://"

// ParseDSN reads a connection string in the forms that Kratos takes. No error
// repeats any part of it but the scheme.
func ParseDSN(s string) (DSN, error) {
	if s == "memory" {
		s = "sqlite://file::memory:?_fk=true"
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return DSN{}, errors.New("has no scheme; the known ones are " + dsnSchemes)
	}
	address, query, _ := strings.Cut(rest, "?")
	var d DSN
	parameters, err := d.takePool(query)
	if err != nil {
		return DSN{}, err
	}
	switch scheme {
	case "sqlite", "sqlite3":
		d.Dialect = "sqlite"
		err = d.sqlite(address, parameters)
	case "postgres", "postgresql":
		d.Dialect = "postgres"
		err = d.postgres(address, parameters)
	case "cockroach", "cockroachdb", "crdb":
		d.Dialect = "cockroach"
		err = d.postgres(address, parameters)
	case "mysql":
		d.Dialect = "mysql"
		err = d.mysql(address, parameters)
	default:
		err = fmt.Errorf("the scheme %s is not one of %s", shown(scheme), dsnSchemes)
	}
	if err != nil {
		return DSN{}, err
	}
	return d, nil
}

// takePool takes the parameters of the pool out of a query, and returns the
// others as they were written.
func (d *DSN) takePool(query string) ([]string, error) {
	var others []string
	for _, parameter := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		var err error
		switch name {
		case "":
		case "max_conns":
			d.MaxConns, err = poolSize(value)
		case "max_idle_conns":
			d.MaxIdleConns, err = poolSize(value)
		case "max_conn_lifetime":
			d.MaxConnLifetime, err = poolTime(value)
		case "max_conn_idle_time":
			d.MaxConnIdleTime, err = poolTime(value)
		default:
			others = append(others, parameter)
		}
		if err != nil {
			return nil, fmt.Errorf("the parameter %s %w", name, err)
		}
	}
	return others, nil
}

func poolSize(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 100_000 {
		return 0, errors.New("must be a number from 0 to 100000")
	}
	return n, nil
}

func poolTime(s string) (time.Duration, error) {
	t, err := time.ParseDuration(s)
	if err != nil || t < 0 {
		return 0, errors.New("must be a duration such as 90s or 1h")
	}
	return t, nil
}

func (d *DSN) sqlite(address string, parameters []string) error {
	d.Path = strings.TrimPrefix(address, "file:")
	var kept []string
	for _, p := range parameters {
		switch {
		case strings.HasPrefix(p, "_"):
			// Settings of another driver, such as _fk: the store has its own.
		case p == "mode=memory":
			d.Memory = true
		default:
			kept = append(kept, p)
		}
	}
	if d.Path == ":memory:" {
		d.Memory = true
	}
	if d.Memory {
		d.Path, d.URL = "", "file::memory:"
		return nil
	}
	if d.Path == "" {
		return errors.New("names no file: write sqlite://path/to/file, or memory")
	}
	d.URL = withQuery("file:"+strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(d.Path), kept)
	return nil
}

func (d *DSN) postgres(address string, parameters []string) error {
	d.URL = withQuery("postgres://"+address, parameters)
	// What net/url reports may hold pieces of the password.
	if _, err := url.Parse(d.URL); err != nil {
		return errors.New("is not a valid URL; special characters in user or password must be percent-encoded")
	}
	return nil
}

func (d *DSN) mysql(address string, parameters []string) error {
	if !strings.Contains(address, "/") {
		return errors.New("names no database: write mysql://user:password@tcp(host:3306)/database")
	}
	for _, name := range []string{"multiStatements", "parseTime", "clientFoundRows"} {
		set := false
		for _, p := range parameters {
			set = set || strings.HasPrefix(p, name+"=")
		}
		if !set {
			parameters = append(parameters, name+"=true")
		}
	}
	d.URL = withQuery(address, parameters)
	return nil
}

func withQuery(address string, parameters []string) string {
	if len(parameters) == 0 {
		return address
	}
	return address + "?" + strings.Join(parameters, "&")
}
