package cli

import (
	"github.com/spf13/cobra"

	"zelus/internal/app"
	"zelus/internal/config"
)

// courier holds the command that sends mail outside of the server.
func (c *command) courier() *cobra.Command {
	all := c.withConfig(group("courier", "Send mail and text messages"))
	var flags config.Flags
	watch := &cobra.Command{
		Use:   "watch",
		Short: "Send what is in the outbox, in a process of its own",
		Long: `Send what is in the outbox, until the process is told to stop (SIGINT, SIGTERM). What is being sent then is finished.

It reads the configuration of the server and follows its changes, and waits for the database and its tables. Any number
of these processes, and of servers that send mail themselves (serve --watch-courier), may work on one database: each
message is taken by one of them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sources := c.sources(flags)
			// Other secrets than the server's would open no message.
			sources.ReadOnly, sources.Existing = true, true
			m, err := app.NewMail(cmd.Context(), app.Options{Config: sources, Log: c.Err, Clock: c.Clock, Version: Version(), Jsonnet: child()})
			if err != nil {
				return err
			}
			err = m.Run(cmd.Context(), nil)
			if closed := m.Close(); err == nil {
				err = closed
			}
			return err
		},
	}
	watch.Flags().IntVar(&flags.ExposeMetricsPort, "expose-metrics-port", 0, "port on the host of the admin server where GET /metrics/prometheus tells how much was sent; 0 is none")
	all.AddCommand(watch)
	return all
}
