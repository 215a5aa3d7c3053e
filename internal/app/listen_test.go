package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zelus/internal/config"
)

// certificate makes a certificate for that name, and its key, in PEM.
func certificate(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// presented is the name in the certificate that a listener shows.
func presented(t *testing.T, l net.Listener) string {
	t.Helper()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificates(t *testing.T) {
	folder := t.TempDir()
	files := config.TLS{Cert: config.TLSCert{Path: filepath.Join(folder, "c.pem")}, Key: config.TLSKey{Path: filepath.Join(folder, "k.pem")}}
	at := time.Now().Add(-time.Hour)
	write := func(cert, key []byte) {
		t.Helper()
		at = at.Add(time.Minute) // a change shows even where clocks of files are coarse
		for name, content := range map[string][]byte{files.Cert.Path: cert, files.Key.Path: key} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	listen := func(c config.TLS) net.Listener {
		t.Helper()
		l, err := listenAt("public", "127.0.0.1", 0, config.Socket{}, c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}

	if _, err := listenAt("public", "127.0.0.1", 0, config.Socket{}, files, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "serve.public.tls: ") {
		t.Errorf("without the files: %v", err)
	}
	write(certificate(t, "first"))
	l := listen(files)
	if got := presented(t, l); got != "first" {
		t.Errorf("presented is %q", got)
	}
	write(certificate(t, "second"))
	if got := presented(t, l); got != "second" {
		t.Errorf("after a change of the files, presented is %q", got)
	}
	_, key := certificate(t, "third")
	write([]byte("half of a certificate"), key)
	if got := presented(t, l); got != "second" {
		t.Errorf("while the files are no good, presented is %q", got)
	}

	cert, key := certificate(t, "inline")
	inline := config.TLS{Cert: config.TLSCert{Base64: base64.StdEncoding.EncodeToString(cert)}, Key: config.TLSKey{Base64: base64.StdEncoding.EncodeToString(key)}}
	if got := presented(t, listen(inline)); got != "inline" {
		t.Errorf("presented is %q", got)
	}
}

func TestSocketLeftBehind(t *testing.T) {
	folder, err := os.MkdirTemp("", "zelus") // paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	path := filepath.Join(folder, "s.sock")
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	socket := config.Socket{Mode: 0o600}
	if _, err := listenAt("admin", "unix:"+path, 0, socket, config.TLS{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "serve.admin.host: another server") {
		t.Errorf("a socket in use: %v", err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	l, err := listenAt("admin", "unix:"+path, 0, socket, config.TLS{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("a socket that was left behind: %v", err)
	}
	l.Close()

	if err := os.WriteFile(path, []byte("not a socket"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenAt("admin", "unix:"+path, 0, socket, config.TLS{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file was replaced by a socket")
	}
	if content, err := os.ReadFile(path); string(content) != "not a socket" {
		t.Errorf("the file is gone: %q, %v", content, err)
	}
}

// TestServersLog: what net/http has to say goes to the log, not to standard
// error.
func TestServersLog(t *testing.T) {
	log := &transcript{}
	a := &App{base: &base{logger: slog.New(slog.NewTextHandler(log, nil))}}
	for _, name := range []string{"public", "admin"} {
		a.errorLog(name).Print("http: something went wrong")
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "server="+name) {
			t.Errorf("the log says %q", log.String())
		}
	}
}
