package test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// wire is bytes for a connection, and what is known of the answers.
type wire struct {
	kind, what, text string
	// open keeps our side of the connection open; else it is closed for
	// writing behind the text.
	open bool
	// whole says that the request is good: it is answered, or given up because
	// our side is closed, which to the server looks like hanging up.
	whole bool
}

// connections sends what is no HTTP, or not quite, byte by byte.
func (b *trial) connections() {
	many := strings.Repeat
	var all []wire
	add := func(kind, what string, texts ...string) {
		for _, text := range texts {
			all = append(all, wire{kind, what, text, true, false}, wire{kind, what + ", half-closed", text, false, false})
		}
	}
	const end = "Connection: close\r\n\r\n"
	get := func(more string) string { return "GET /health/alive HTTP/1.1\r\nHost: x\r\n" + more + end }
	random := make([]byte, 4096)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random) // never fails

	add("no HTTP", "garbage", "", "\r\n\r\n\r\n", "GET", "GET /", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost", string(random), many("\x00", 5000), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+string(random[:500]),
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "GET /\r\n\r\n", "SSH-2.0-x\r\n", "{}\n", "GET / HTTP/1.1\nHost: x\n\n\n\x00\x00"+string(random), "EHLO x\r\n", "*1\r\n$4\r\nPING\r\n")
	for _, version := range []string{"HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.7", "HTTP/9999.1", "HTTP/1", "HTTP/1.1.1", "http/1.1", "HTTP/-1.1", "HTTPS/1.1", "HTTP/1.\x00", ""} {
		add("versions", version, "GET /health/alive "+version+"\r\nHost: x\r\n"+end)
	}
	add("versions", "HTTP/1.0", "GET /health/alive HTTP/1.0\r\n\r\n", "POST /self-service/login?flow=x HTTP/1.0\r\nContent-Type: application/json\r\n\r\n{}", "GET /sessions/whoami HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "POST /self-service/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	add("hosts", "none or several", "GET /sessions/whoami HTTP/1.1\r\n"+end, "GET /sessions/whoami HTTP/1.1\r\nHost: a\r\nHost: b\r\n"+end, "GET /sessions/whoami HTTP/1.1\r\nHost: a\r\nHost: a\r\n"+end)
	for _, host := range []string{"", "a b", "a,b", "\xff", "[::1", "a:b:c", "x/y", "x?y", "x#y", "user@host", "a\\b", "%00", "a%zz", many("a", 60_000), "evil.example", "127.0.0.1:1"} {
		add("hosts", host, "GET /self-service/login/browser HTTP/1.1\r\nHost: "+host+"\r\nAccept: text/html\r\n"+end)
	}
	for _, target := range []string{"*", "http://evil.example/health/alive", "//evil.example/health/alive", "http://[::1/", "/%zz", "/\x00", "/\x01", "/a b", "/\t", "", "x", "?x", "#x", "/\x7f", "http:///", "javascript:alert(1)", "/" + many("a", 1<<20), "/?" + many("a", 60_000), "evil.example:80", "/self-service/login/api?x=\xff\xfe", "/self-service/login/browser?x=\xed\xa0\x80", "/self-service/registration/browser?\xff", "/schemas/\xff", "/sessions/\xff/\x80"} {
		for _, method := range []string{"GET", "POST", "CONNECT", "OPTIONS"} {
			add("targets", target, method+" "+target+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"+end)
		}
	}
	for _, method := range []string{"", "get", "G T", "G\x00T", "\xff", "GET\t", many("A", 1<<20), "A", "TRACE", "CONNECT", "<>", "GET,POST"} {
		add("methods", method, method+" /sessions/whoami HTTP/1.1\r\nHost: x\r\n"+end)
	}
	for _, line := range []string{"no colon", ": no name", " leading: space", "space : before", "tab\t: before", "a\x00b: x", "a: \x00", "a: \x01", "a: b\rc: d", "a: b\n c: d", "a: b\r\n folded", "ä: x", "a(b): x", "a: " + many("b", 1<<20), many("a", 1<<20) + ": b", "X-Session-Token: \x00", "Cookie: ory_kratos_session=\x01", "Authorization: Bearer \x7f", "Content-Type: \x00", "a:b\n"} {
		add("header lines", line, get(line+"\r\n"))
	}
	add("numbers of headers", "10,000", get(many("A: b\r\n", 10_000)), get(many("Cookie: a=b\r\n", 10_000)), get("Cookie: "+many("a=b; ", 10_000)+"\r\n"), get(many("X-Session-Token: x\r\n", 10_000)), get(many("Authorization: Bearer x\r\n", 10_000)), get("Cookie: "+many("ory_kratos_session=x; ", 2500)+"\r\n"), get(many("Accept: a/b\r\n", 3000)), get(many("Origin: x\r\n", 3000)))
	for n := range 2000 {
		if n%500 == 0 {
			add("numbers of headers", "different names", get(manyHeaders(n*5)))
		}
	}
	add("sizes of headers", "1 MB", get("A: "+many("b", 1<<20)+"\r\n"), get("Cookie: a="+many("b", 1<<20)+"\r\n"), get("X-Session-Token: "+many("b", 1<<20)+"\r\n"), get("Authorization: Bearer "+many("b", 60_000)+"\r\n"), get("Cookie: ory_kratos_session="+many("b", 60_000)+"\r\n"), get("X-Request-Id: "+many("b", 60_000)+"\r\n"))
	for _, more := range []string{"Expect: x", "Expect: 100-continue", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x", "Connection: x, y, \xff", "Keep-Alive: timeout=-1", "Proxy-Connection: x", "Trailer: Content-Length", "TE: x"} {
		add("connections", more, get(more+"\r\n"))
	}

	// Bodies whose length is told wrongly, to what would change something if it
	// were taken.
	patch := `[{"op":"replace","path":"/traits/name","value":"changed"}]`
	to := func(path string) string {
		return "PATCH " + path + b.id + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + b.key + "\r\n"
	}
	for _, path := range []string{"/admin/identities/", "/api/kratos/admin/identities/"} {
		for _, length := range []string{"-1", "+5", "x", "", "0x10", "1e3", "5, 6", "5 5", "99999999999999999999", "9223372036854775807", "\x00", "1000000", "5\r\nContent-Length: 6", "5242881"} {
			add("lengths", length, to(path)+"Content-Length: "+length+"\r\n"+end+patch)
		}
		add("lengths", "cut off", to(path)+"Content-Length: 1000\r\n"+end+patch, to(path)+fmt.Sprintf("Content-Length: %d\r\n", len(patch)+1)+end+patch, to(path)+fmt.Sprintf("Content-Length: %d\r\n", len(patch)-1)+end+patch)
		add("lengths", "both", to(path)+fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", len(patch))+end+"zz\r\n"+patch, to(path)+"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"+end+"5\r\n[{\"op\r\n0\r\n\r\n")
		for _, coding := range []string{"gzip", "chunked, chunked", "gzip, chunked", "identity", "xchunked", "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: identity", "\x0bchunked", "chunked,", ",", "\"chunked\"", "chunked;q=1", "CHUNKED x"} {
			add("codings", coding, to(path)+"Transfer-Encoding: "+coding+"\r\n"+end+fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(patch), patch))
		}
		for _, chunks := range []string{"zz\r\n" + patch, "-1\r\n" + patch, "ffffffffffffffffff\r\n" + patch, "7fffffffffffffff\r\n" + patch, "0x5\r\n[{\"op", "5;" + many("a", 1<<20) + "\r\n", "5 \r\n[{\"opXX", "\r\n\r\n", "5\n[{\"op\n0\n", many("1\r\n[\r\n", 100_000), many("1;"+many("e", 5000)+"\r\n[\r\n", 500), fmt.Sprintf("%x\r\n%s\r\n", len(patch), patch),
			fmt.Sprintf("%x\r\n%s\r\n0\r\nContent-Length", len(patch), patch), fmt.Sprintf("%x\r\n%s\r\n0\r\nno trailer\r\n\r\n", len(patch), patch), fmt.Sprintf("%x\r\n%sX\r\n0\r\n\r\n", len(patch), patch), fmt.Sprintf("%x\r\n%s\r\n1", len(patch), patch)} {
			add("chunks", chunks, to(path)+"Transfer-Encoding: chunked\r\n"+end+chunks)
		}
	}
	// What stands behind a request that is refused is not a request.
	for _, first := range []string{"zz\r\n", "0\r\nX", "0x0\r\n\r\n", "-1\r\n"} {
		add("smuggled", first, "POST /self-service/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+first+to("/admin/identities/")+fmt.Sprintf("Content-Length: %d\r\n", len(patch))+end+patch)
	}
	add("pipelined", "garbage behind a request", "GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n"+string(random), "GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n\x00\x00\x00\x00\x00", many("GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n", 500)+"x\r\n\r\n", many("POST /self-service/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 200)+"\xff\xff\xff\xff\xff")

	// What is whole is answered, or given up, to somebody who says no more.
	action := gjson.Get(b.must(b.request("GET", b.s.Public+"/self-service/login/api", "", ""), 200), "ui.action").String()
	proof := b.proof("")
	good := []wire{
		{"half-closed", "a check", "GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nX-Session-Token: " + b.token + "\r\n" + end, false, true},
		{"half-closed", "a sign-in", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s", strings.TrimPrefix(action, b.s.Public), len(proof), end, proof), false, true},
		{"half-closed", "a form", "GET /self-service/registration/api HTTP/1.1\r\nHost: x\r\n" + end, false, true},
	}

	var every sync.WaitGroup
	turns := make(chan struct{}, 64) // connections at a time
	for _, base := range []string{b.s.Public, b.s.Admin} {
		list := all
		if base == b.s.Public {
			list = append(list, good...)
		}
		for _, w := range list {
			turns <- struct{}{}
			every.Go(func() {
				defer func() { <-turns }()
				b.exchange(base, w)
			})
		}
	}
	every.Wait()
}

// manyHeaders are so many headers of different names.
func manyHeaders(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "X-%d: y\r\n", i)
	}
	return all.String()
}

// exchange sends a text over a connection of its own, reads until the server
// closes it, and judges each answer.
func (b *trial) exchange(base string, w wire) {
	b.count(w.kind)
	what := fmt.Sprintf("%s, %s, %.60q to %s", w.kind, "connection", w.what, base)
	got, err := converse(base, w.text, w.open)
	if err != nil {
		b.fail("%s: %v", what, err)
		return
	}
	status := 0
	from := bufio.NewReader(bytes.NewReader(got))
	for {
		if _, err := from.Peek(1); err != nil {
			break
		}
		res, err := http.ReadResponse(from, nil)
		if err != nil {
			b.fail("%s: this is no answer: %v: %.300q", what, err, got)
			return
		}
		body, err := io.ReadAll(res.Body)
		if err != nil && res.ContentLength > int64(len(body)) && !strings.HasPrefix(w.text, "HEAD") {
			b.fail("%s: the answer is cut off: %v: %.300q", what, err, got)
			return
		}
		if status = res.StatusCode; status == http.StatusContinue {
			continue
		}
		if b.beforeUs(res) {
			break
		}
		for _, wrong := range b.judge(res, body, false) {
			b.fail("%s: %s: %d %.300s", what, wrong, res.StatusCode, body)
		}
	}
	if status < 300 && status > 0 && strings.HasPrefix(w.text, "PATCH") {
		b.fail("%s: this was taken: %d", what, status)
	}
	if w.whole && status != http.StatusOK && status != 499 {
		b.fail("%s: %d, want 200 or 499: %.500q", what, status, got)
	}
}

// beforeUs says whether net/http answered what is not HTTP, before anything of
// ours saw it: in one line, and with the end of the connection. 501 and 505 are
// what RFC 9112 (sections 6.1 and 2.3) asks for there.
func (b *trial) beforeUs(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusExpectationFailed:
		return res.Close && (strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") || res.StatusCode == http.StatusExpectationFailed) && res.Header.Get("X-Content-Type-Options") == ""
	}
	return false
}

// converse writes a text and gives all that comes back. open keeps our side open.
func converse(base, text string, open bool) ([]byte, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(hangs)); err != nil {
		return nil, err
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		// The server need not read all of it; then this fails.
		_, _ = io.WriteString(conn, text)
		if !open {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	})
	got, err := io.ReadAll(io.LimitReader(conn, 8<<20))
	conn.Close()
	writing.Wait()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("this hangs, after %.200q", got)
	}
	return got, nil // the end may be a reset
}

// slowClients are many that send a byte at a time, or read nothing. Others are
// served meanwhile, and the slow ones end by the server's own limits.
func (b *trial) slowClients() {
	const each = 24
	var dripping, idle sync.WaitGroup
	ended := make(chan struct{}, 3*each)
	stop := make(chan struct{})
	drip := func(base, head, body string) {
		b.count("slow clients")
		dripping.Go(func() {
			defer func() { ended <- struct{}{} }()
			if err := trickle(base, head, body); err != nil {
				b.fail("a slow client of %s: %v", base, err)
			}
		})
	}
	submission := "POST /self-service/login?flow=" + b.id + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
	for range each {
		drip(b.s.Public, "", "GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("y", 100_000))
		drip(b.s.Admin, "", "GET /admin/identities HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("y", 100_000))
		drip(b.s.Public, submission, strings.Repeat(" ", 100_000))
		// One that never reads, and one of the admin server, whose limit is long.
		for _, text := range []struct{ base, text string }{
			{b.s.Public, strings.Repeat("GET /schemas HTTP/1.1\r\nHost: x\r\n\r\n", 20_000)},
			{b.s.Admin, "PATCH /admin/identities/" + b.id + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b.key + "\r\nContent-Length: 1000\r\n\r\n["},
		} {
			b.count("slow clients")
			idle.Go(func() {
				conn, err := net.Dial("tcp", strings.TrimPrefix(text.base, "http://"))
				if err != nil {
					b.fail("a slow client: %v", err)
					return
				}
				go func() { _, _ = io.WriteString(conn, text.text) }() // until it is closed
				<-stop
				conn.Close()
			})
		}
	}
	served := 0
	for n := 0; n < 3*each; {
		select {
		case <-ended:
			n++
		default:
			b.must(b.request("GET", b.s.Public+"/sessions/whoami", "", "", "X-Session-Token", b.token), 200)
			b.asAdministrator("/admin/identities/" + b.id)
			served++
			wait(b.t, 20*time.Millisecond)
		}
	}
	close(stop)
	dripping.Wait()
	idle.Wait()
	if served == 0 {
		b.fail("nobody was served beside slow clients")
	}
}

// trickle sends a head, then a byte of the body now and then, until the server
// has had enough. Its answer, if there is one, is a refusal.
func trickle(base, head, body string) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(hangs)); err != nil {
		return err
	}
	over := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := io.WriteString(conn, head); err != nil {
			return
		}
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := range len(body) {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			if _, err := io.WriteString(conn, body[i:i+1]); err != nil {
				return
			}
		}
	})
	got, err := io.ReadAll(conn)
	close(over)
	writing.Wait()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the server waits for ever")
	}
	if len(got) == 0 {
		return nil // closed
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil)
	if err != nil {
		return fmt.Errorf("%w: %.200q", err, got)
	}
	res.Body.Close()
	if res.StatusCode < 400 || res.StatusCode >= 500 {
		return fmt.Errorf("the server answers %.300q", got)
	}
	return nil
}
