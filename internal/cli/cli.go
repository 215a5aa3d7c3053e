package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zelus/internal/app"
	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/store"
)

// Process is what a program is given by the system.
type Process struct {
	Args     []string
	Environ  []string
	In       io.Reader
	Out, Err io.Writer
	Clock    func() time.Time
}

// command is what the commands share.
type command struct {
	Process
	files []string // -c
}

// Run runs the command that the arguments name and returns the exit code.
func Run(ctx context.Context, p Process) int {
	c := &command{Process: p}
	root := &cobra.Command{
		Use:           "zelus",
		Short:         "Identity and user management: sign-up, sign-in, sessions, and the admin API over it all",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(c.serve(), c.courier(), c.migrate(), c.keys(), c.config(), c.doctor(), c.version(), c.jsonnetChild())
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(p.Err, "Error: "+err.Error())
		return 1
	}
	return 0
}

// withConfig adds the flag that names the configuration files.
func (c *command) withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.PersistentFlags().StringSliceVarP(&c.files, "config", "c", nil, "configuration file (.yml, .yaml, .json or .toml); may be given several times, a later one wins")
	return cmd
}

// group is a command that only holds others. A misspelt one must not look
// like a success.
func group(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
}

// encode writes a list in the formats other than a table, which the caller
// writes itself.
func encode(out io.Writer, format string, list any) error {
	encoder := json.NewEncoder(out)
	switch format {
	case "json":
	case "json-pretty":
		encoder.SetIndent("", "  ")
	default:
		return fmt.Errorf("the format %q is not one of table, json and json-pretty", format)
	}
	return encoder.Encode(list)
}

// plain is what an error says to a person, without what it is for programs.
func plain(err error) error {
	var e *auth.Error
	if errors.As(err, &e) && e.Status < 500 && e.Reason != "" {
		return errors.New(e.Reason)
	}
	return err
}

// instant is a time for people.
func instant(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// logger tells people what goes on beside the command's own output.
func (c *command) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// connect opens a database without a server around it.
func (c *command) connect(ctx context.Context, dsn string) (*store.Store, error) {
	return app.Open(ctx, dsn, store.Options{Clock: c.Clock, Logger: c.logger()})
}

// sources is where a configuration comes from.
func (c *command) sources(flags config.Flags) config.Options {
	hostname, _ := os.Hostname() // without one, base URLs say localhost
	return config.Options{Files: c.files, Environ: c.Environ, Flags: flags, Hostname: hostname}
}

// environ is a variable of the environment, or empty.
func (c *command) environ(name string) string {
	for _, pair := range c.Environ {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

// version is set when a release is built:
// go build -ldflags "-X zelus/internal/cli.version=v1.2.3".
var version string

// unreleased is the version of a build that nobody gave one.
const unreleased = "v0.1.0-dev"

// Version is the version of this program: what the release was given, else what
// Go knows of the sources, else that it is none.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return unreleased
}
