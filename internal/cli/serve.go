package cli

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"zelus/internal/app"
	"zelus/internal/config"
)

func (c *command) serve() *cobra.Command {
	var flags config.Flags
	cmd := c.withConfig(&cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server: the public API and the admin API. On an embedded database, with --watch-courier and with --dev it sends
mail as well; otherwise that is for ` + "`zelus courier watch`" + `.

With --dev and without a configuration file everything that a try-out needs is there: an embedded database in
./zelus-data, generated secrets kept beside it, recovery and verification by codes, and a page that shows the mail
instead of sending it.`,
		Args: cobra.ArbitraryArgs, // Kratos' "serve all" is the same
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !(len(args) == 1 && args[0] == "all") {
				return fmt.Errorf("serve takes no argument, but it was given %q", strings.Join(args, " "))
			}
			ctx := cmd.Context()
			cores := runtime.GOMAXPROCS(0) // the cores of this machine, or the share of them that a container may use
			a, err := app.New(ctx, app.Options{Config: c.sources(flags), Log: c.Err, Clock: c.Clock, Version: Version(), Cores: cores, Jsonnet: child(),
				Apps: c.environ("DEV_DISABLE_API_FLOW_ENFORCEMENT") == "true"})
			if err != nil {
				return err
			}
			// Set once, here, for the whole process. From now on Go leaves it at
			// that, also when a container's share changes.
			runtime.GOMAXPROCS(cores + a.HashingThreads())
			err = a.Run(ctx, func() {
				c.greet(a)
				go settle(c.environ("GOGC"))
			})
			if closed := a.Close(); err == nil {
				err = closed
			}
			return err
		},
	})
	cmd.Flags().BoolVar(&flags.Dev, "dev", false, "for development: cookies over plain HTTP, caught mail, weak settings are warnings")
	cmd.Flags().BoolVar(&flags.WatchCourier, "watch-courier", false, "send mail from inside the server")
	cmd.Flags().BoolVar(&flags.SQAOptOut, "sqa-opt-out", false, "accepted and ignored: no usage data is ever sent")
	cmd.Flags().Bool("watch", false, "accepted and ignored: the configuration is always watched")
	return cmd
}

// greet tells a developer where everything is and what to try first.
func (c *command) greet(a *app.App) {
	cfg := a.Config()
	if !cfg.Dev {
		return
	}
	public, admin := cfg.PublicURL().String(), cfg.AdminURL().String()
	fmt.Fprintf(c.Out, "\nZelus is ready.\n\n  public API  %s\n  admin API   %s\n", public, admin)
	if a.CatchesMail() {
		fmt.Fprintf(c.Out, "  mail        %sdev/mail\n", public)
	}
	if len(c.files) > 0 {
		fmt.Fprintln(c.Out)
		return
	}
	fmt.Fprintf(c.Out, `
Sign somebody up (paste this into another terminal):

  flow=$(curl -s %[1]sself-service/registration/api | sed 's/.*"action":"\([^"]*\)".*/\1/')
  curl -s "$flow" -H 'Content-Type: application/json' \
    -d '{"method":"password","traits":{"email":"ada@example.org"},"password":"violet-kayak-sings-at-noon"}'

The answer holds a session_token. Ask who it is:

  curl -s %[1]ssessions/whoami -H 'X-Session-Token: PASTE-IT-HERE'

The code that proves the address is in the mail, at %[1]sdev/mail.

`, public)
}
