//go:build unix

package config

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestWatchEnds: a file that cannot be read through, as on a network that does not answer,
// does not keep the server from ending.
func TestWatchEnds(t *testing.T) {
	l, _ := liveFile(t, least)
	name := l.options.Files[0]
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Watch(ctx, slog.New(slog.DiscardHandler), nil)
	}()
	// The pipe takes a writer from when it has a reader.
	var writer *os.File
	for deadline := time.After(time.Minute); writer == nil; {
		var err error
		if writer, err = os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0); err != nil {
			select {
			case <-deadline:
				t.Fatal(err)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	defer writer.Close()
	stop() // while the look waits for what the writer does not write
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("it waits for the file")
	}
}
