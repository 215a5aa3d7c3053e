// Command later is zelus with a clock that tests move: it is ahead by the duration in the
// file that ZELUS_TEST_CLOCK names, or right while there is none.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"zelus/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, cli.Process{Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Clock: func() time.Time { return time.Now().Add(ahead(os.Getenv("ZELUS_TEST_CLOCK"))) }}))
}

// ahead reads the file. Tests replace it as a whole, so that it is never half written.
func ahead(file string) time.Duration {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		panic(err)
	}
	return d
}
