package app

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"zelus/internal/config"
)

// listenAt opens a port or a socket, with TLS where it is configured.
func listenAt(name, host string, port int, socket config.Socket, t config.TLS, logger *slog.Logger) (net.Listener, error) {
	var listen net.Listener
	var err error
	if path, ok := strings.CutPrefix(host, "unix:"); ok {
		if listen, err = listenSocket(path, socket); err != nil {
			return nil, fmt.Errorf("serve.%s.host: %w", name, err)
		}
	} else if listen, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
		return nil, fmt.Errorf("serve.%s.port: %w", name, err)
	}
	if t == (config.TLS{}) {
		return listen, nil
	}
	certificates, err := certificatesOf(t, logger)
	if err != nil {
		listen.Close()
		return nil, fmt.Errorf("serve.%s.tls: %w", name, err)
	}
	return tls.NewListener(listen, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: certificates}), nil
}

// listenSocket opens a Unix socket with the rights that are configured. One
// that a server left behind when it was killed is removed.
func listenSocket(path string, s config.Socket) (net.Listener, error) {
	if at, err := os.Stat(path); err == nil && at.Mode()&os.ModeSocket != 0 {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("another server listens at %s", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	listen, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := ownSocket(path, s); err != nil {
		listen.Close()
		return nil, err
	}
	return listen, nil
}

func ownSocket(path string, s config.Socket) error {
	uid, gid := -1, -1 // leave it
	if s.Owner != "" {
		u, err := user.Lookup(s.Owner)
		if err != nil {
			return err
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			return err
		}
	}
	if s.Group != "" {
		g, err := user.LookupGroup(s.Group)
		if err != nil {
			return err
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return err
		}
	}
	return errors.Join(os.Chown(path, uid, gid), os.Chmod(path, os.FileMode(s.Mode)))
}

// certificatesOf gives the certificate: from the configuration itself, or from
// files, which are read again when they have changed. Files that cannot be
// read leave the last good pair in use.
func certificatesOf(t config.TLS, logger *slog.Logger) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if t.Cert.Base64 != "" {
		cert, err := base64.StdEncoding.DecodeString(t.Cert.Base64)
		if err != nil {
			return nil, fmt.Errorf("cert.base64: %w", err)
		}
		key, err := base64.StdEncoding.DecodeString(t.Key.Base64)
		if err != nil {
			return nil, fmt.Errorf("key.base64: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, nil
	}
	f := &certificateFiles{cert: t.Cert.Path, key: t.Key.Path, logger: logger}
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.get, nil
}

// certificateFiles is a pair of PEM files that may be replaced at any time.
type certificateFiles struct {
	cert, key string
	logger    *slog.Logger
	mu        sync.Mutex
	pair      *tls.Certificate
	modified  [2]time.Time // of the files when they were last read, with success or not
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stamps() != f.modified {
		if err := f.read(); err != nil {
			f.logger.Error("the changed TLS certificate cannot be used; the previous one stays", "cert", f.cert, "key", f.key, "error", err)
		}
	}
	return f.pair, nil
}

func (f *certificateFiles) stamps() (at [2]time.Time) {
	for i, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

func (f *certificateFiles) read() error {
	f.modified = f.stamps()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.pair = &pair
	return nil
}
