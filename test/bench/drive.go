package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// answer is what a request got, and what the bare server repeats.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (a *answer) write(file string) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// serveBare is the bare server: the least that the answer can cost.
func serveBare(port, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	a.Header.Del("Date") // net/http adds these two itself
	a.Header.Del("Content-Length")
	bare := &http.Server{Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), a.Header)
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	})}
	// No server that faces strangers is without them.
	bare.ReadHeaderTimeout, bare.ReadTimeout, bare.WriteTimeout, bare.IdleTimeout = 5*time.Second, 15*time.Second, 60*time.Second, 120*time.Second
	return bare.ListenAndServe()
}

// same says how two answers differ, or nothing. Dates are left out.
func same(a, b *answer) error {
	left, right := a.Header.Clone(), b.Header.Clone()
	left.Del("Date")
	right.Del("Date")
	if a.Status != b.Status || !bytes.Equal(a.Body, b.Body) || !maps.EqualFunc(left, right, slices.Equal) {
		return fmt.Errorf("the bare server does not send the same: %d %v %d bytes, %d %v %d bytes", a.Status, left, len(a.Body), b.Status, right, len(b.Body))
	}
	return nil
}

// connection is a client on one connection that is kept open.
type connection struct {
	conn net.Conn
	read *bufio.Reader
}

func dial(base string) (*connection, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// send sends a request that is ready to go, and reads the answer.
func (c *connection) send(request []byte) (*answer, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, body}, err
}

// expect is send for a request that must be answered with that status.
func (c *connection) expect(status int, request []byte) (*answer, error) {
	a, err := c.send(request)
	if err == nil && a.Status != status {
		err = fmt.Errorf("answered with %d, not %d: %s", a.Status, status, a.Body)
	}
	return a, err
}

// get is a GET request as bytes, with more headers.
func get(path string, headers ...string) []byte {
	return request("GET", path, nil, append(headers, "Accept", "application/json")...)
}

// browse is a GET request as the browser of somebody who follows a link sends it.
func browse(path string, headers ...string) []byte {
	return request("GET", path, nil, append(headers, "Accept", "text/html", "Accept-Encoding", "gzip")...)
}

func request(method, path string, body []byte, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != nil {
		fmt.Fprintf(&b, "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// connections are how many clients ask at a time.
const connections = 8

// cost is what n requests cost the server each, in time on a processor, all its threads
// together. Each must be answered with that status.
func (p *process) cost(n, status int, ask func(int) []byte) (time.Duration, error) {
	return p.costOf(n, func(c *connection, i int) error {
		_, err := c.expect(status, ask(i))
		return err
	})
}

// costOf is cost of something that takes more than one request.
func (p *process) costOf(n int, do func(c *connection, i int) error) (time.Duration, error) {
	before, err := p.used()
	if err != nil {
		return 0, err
	}
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		all.Go(func() {
			c, err := dial(p.public)
			if err != nil {
				failed <- err
				return
			}
			defer c.conn.Close()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(c, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	after, err := p.used()
	return (after - before) / time.Duration(n), err
}

// percentile of latencies.
func percentile(all []time.Duration, p float64) time.Duration {
	slices.Sort(all)
	return all[min(int(float64(len(all))*p), len(all)-1)]
}
