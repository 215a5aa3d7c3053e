package test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zelus/test/server"
)

// TestDiskFull fills the disk under an SQLite database. Nothing that was
// acknowledged is lost, errors are clear, what can be read is still read, and
// the server goes on as soon as there is room again.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts a server: not in short mode")
	}
	disk := smallDisk(t)
	s := server.StartOn(t, "testdata/basic.yml", "sqlite://"+filepath.Join(disk, "zelus.sqlite"))
	w := newWitnesses(s)
	filler := filepath.Join(disk, "filler")
	w.work(t, func() {
		w.busy(t)
		fill(t, filler)
		w.untilRefused(t)
	})
	one := w.all[0]
	for _, base := range []string{s.Public, s.Admin} {
		status, body, err := one.ask("GET", base+"/health/ready", "", nil)
		if err != nil || status != http.StatusServiceUnavailable || !bytes.Contains(body, []byte(`"id":"not_ready"`)) {
			t.Errorf("with a full disk, ready answers %d %s %v", status, body, err)
		}
	}
	for _, a := range one.accounts {
		for token, alive := range a.tokens {
			want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[alive]
			if status, body, err := one.ask("GET", s.Public+"/sessions/whoami", token, nil); err != nil || status != want {
				t.Errorf("with a full disk, a session check answers %d, want %d: %s %v", status, want, body, err)
			}
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.recovered(t)
	w.check(t, 0)
	w.work(t, func() { wait(t, 300*time.Millisecond) })
	s.Kill(t)
	s.Again(t)
	w.check(t, 1)
	w.report(t, 1)
}

// untilRefused waits until the server has found out, by what it is asked.
func (w *witnesses) untilRefused(t *testing.T) {
	t.Helper()
	one := &witness{s: w.s, http: w.all[0].http, counts: &w.acknowledged}
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		status, body, err := one.ask("POST", w.s.Admin+"/admin/identities", "", map[string]any{"schema_id": "default", "traits": map[string]any{"email": "full@example.org"}})
		if err == nil && status == http.StatusServiceUnavailable {
			if !bytes.Contains(body, []byte(`"id":"database_unavailable"`)) {
				t.Errorf("with a full disk, a new account is refused with %s", body)
			}
			return
		}
		if err == nil && status >= 500 {
			t.Fatalf("with a full disk, a new account is answered with %d %s", status, body)
		}
	}
	t.Fatal("the disk is full, and nothing is refused")
}

// smallDisk is a folder on a disk of 32 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m,mode=0700"); err != nil {
		t.Skipf("a small disk can be made by root only: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until there is no room for more.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<16); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

// TestReadOnlyDatabase takes the right to write away from the server and gives
// it back.
func TestReadOnlyDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts a server and a database: not in short mode")
	}
	db := server.StartPostgres(t)
	s := server.StartOn(t, "testdata/basic.yml", db.URL)
	w := newWitnesses(s)
	w.work(t, func() {
		w.busy(t)
		db.ReadOnly(t, true)
		w.untilRefused(t)
	})
	one := w.all[0]
	if status, body, err := one.ask("GET", s.Public+"/health/ready", "", nil); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("without the right to write, ready answers %d %s %v", status, body, err)
	}
	db.ReadOnly(t, false)
	w.recovered(t)
	w.check(t, 0)
	w.report(t, 1)
}

// TestReadOnlyFile starts the server on a database file that it must not write
// to: it says so and ends.
func TestReadOnlyFile(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts a server: not in short mode")
	}
	disk := smallDisk(t)
	dsn := "sqlite://" + filepath.Join(disk, "zelus.sqlite")
	s := server.StartOn(t, "testdata/basic.yml", dsn)
	s.Kill(t)
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), s.Binary(), "serve", "--dev", "-c", s.Config()).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("dsn")) || bytes.Contains(out, []byte("goroutine")) {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", bytes.TrimSpace(out[max(0, len(out)-400):]))
}
