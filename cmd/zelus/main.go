// Command zelus is an identity server: see `zelus help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"zelus/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, cli.Process{Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Clock: time.Now}))
}
