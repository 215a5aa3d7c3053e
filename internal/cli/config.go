package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"zelus/internal/app"
	"zelus/internal/config"
)

// config groups the commands that look at a configuration without starting
// a server.
func (c *command) config() *cobra.Command {
	all := c.withConfig(group("config", "Check, show and explain the configuration"))
	var dev bool
	all.PersistentFlags().BoolVar(&dev, "dev", false, "as the server would see it with --dev")
	load := func() (*config.Config, []config.Warning, error) {
		o := c.sources(config.Flags{Dev: dev})
		o.ReadOnly = true
		return config.Load(o)
	}
	all.AddCommand(
		&cobra.Command{
			Use:   "check",
			Short: "Say everything that is wrong with the configuration",
			Args:  cobra.NoArgs,
			Long: `Say everything that is wrong with the configuration.

All that the server reads at its start is read, such as identity schemas, templates of
messages, keys and programs, from wherever they are. Nothing is
written, and neither the database nor the mail server is asked.`,
			RunE: func(cmd *cobra.Command, _ []string) error {
				loaded, warnings, err := load()
				if err == nil {
					var checked *app.Checked
					if checked, err = app.Check(cmd.Context(), loaded, c.Environ, child()); err == nil {
						warnings = append(warnings, checked.Warnings...)
					}
				}
				for _, w := range warnings {
					fmt.Fprintln(c.Err, "Warning: "+w.String())
				}
				if err != nil {
					return err
				}
				fmt.Fprintln(c.Out, "The configuration is valid.")
				return nil
			},
		},
		&cobra.Command{
			Use:   "print",
			Short: "Show the whole configuration as it is in force, without secrets, and where each value comes from",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				loaded, _, err := load()
				if err != nil {
					return err
				}
				return config.Print(c.Out, loaded)
			},
		},
		&cobra.Command{
			Use:     "explain KEY",
			Short:   "Explain a key: what it does, its type, default, and environment variable",
			Example: "  zelus config explain session.lifespan",
			Args:    cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				text, err := config.Explain(args[0])
				if err == nil {
					fmt.Fprint(c.Out, text)
				}
				return err
			},
		},
		&cobra.Command{
			Use:   "schema",
			Short: "Print a JSON Schema of the configuration, for editors",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				text, err := config.Schema()
				if err == nil {
					_, err = c.Out.Write(text)
				}
				return err
			},
		},
	)
	return all
}
