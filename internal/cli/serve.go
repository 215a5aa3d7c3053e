package cli

import (
	"context"
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
./zelus-data, generated secrets kept beside it, two people to sign in as, recovery and verification by codes, and a
page that shows the mail instead of sending it.`,
		Args: cobra.ArbitraryArgs, // Kratos' "serve all" is the same
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !(len(args) == 1 && args[0] == "all") {
				return fmt.Errorf("serve takes no argument, but it was given %q", strings.Join(args, " "))
			}
			ctx := cmd.Context()
			cores := runtime.GOMAXPROCS(0) // the cores of this machine, or the share of them that a container may use
			a, err := app.New(ctx, app.Options{Config: c.sources(flags), Log: c.Err, Clock: c.Clock, Version: Version(), Cores: cores, Jsonnet: child(),
				// Go follows the share that a container has until the first password:
				// from then on it is the cores of the start, and these.
				HashingThreads: func(n int) { runtime.GOMAXPROCS(cores + n) },
				Apps:           c.environ("DEV_DISABLE_API_FLOW_ENFORCEMENT") == "true"})
			if err != nil {
				return err
			}
			err = a.Run(ctx, func() {
				c.greet(ctx, a)
				go settle(ctx, c.environ("GOGC"))
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

// greet tells a developer where everything is.
func (c *command) greet(ctx context.Context, a *app.App) {
	cfg := a.Config()
	if !cfg.Dev {
		return
	}
	public := cfg.PublicURL().String()
	rows := [][2]string{{"Open", public}}
	if to := cfg.CaughtMailURL(); to != "" {
		rows = append(rows, [2]string{"Mail", to})
	}
	rows = append(rows, [2]string{"Admin API", cfg.AdminURL().String()})
	people, err := a.Examples(ctx)
	if err != nil {
		fmt.Fprintln(c.Err, "Warning: there are no people to sign in as: "+plain(err).Error())
	}
	for i, e := range people {
		label, password := "", e.Password
		if i == 0 {
			label = "Sign in as"
		}
		if password == "" {
			password = "with the password that you gave them"
		}
		rows = append(rows, [2]string{label, fmt.Sprintf("%-19s %s", e.Email, password)})
	}
	if folder := cfg.DataFolder(); folder != "" {
		rows = append(rows, [2]string{"Data", folder + " (delete this folder to begin anew)"})
	}
	var text strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&text, "  %-12s%s\n", row[0], row[1])
	}
	fmt.Fprintf(c.Out, "\nZelus is ready.\n\n%s\n", text.String())
}
