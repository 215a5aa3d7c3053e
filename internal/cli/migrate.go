package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"zelus/internal/config"
	"zelus/internal/store"
)

// migrate holds the commands that bring the tables up to date. Embedded
// databases need none of them: the server does it by itself.
func (c *command) migrate() *cobra.Command {
	all := c.withConfig(group("migrate", "Bring the database up to date"))
	m := &migration{command: c}
	sql := &cobra.Command{
		Use:   "sql [database-url]",
		Short: "Bring the tables up to date (the same as migrate sql up)",
		Args:  cobra.MaximumNArgs(1),
		RunE:  m.up,
	}
	sql.PersistentFlags().BoolVarP(&m.fromEnviron, "read-from-env", "e", false, "take the database from the variable DSN or from the configuration file")
	sql.PersistentFlags().BoolVarP(&m.yes, "yes", "y", false, "do not ask")
	up := &cobra.Command{Use: "up [database-url]", Short: "Bring the tables up to date", Args: cobra.MaximumNArgs(1), RunE: m.up}
	status := &cobra.Command{Use: "status [database-url]", Short: "Show which steps are done", Args: cobra.MaximumNArgs(1), RunE: m.status}
	status.Flags().BoolVar(&m.block, "block", false, "wait until all steps are done")
	status.Flags().StringVar(&m.format, "format", "table", "table, json or json-pretty")
	sql.AddCommand(up, status)
	all.AddCommand(sql)
	return all
}

type migration struct {
	*command
	fromEnviron, yes, block bool
	format                  string
}

// open connects to the database that was named, and nothing else: no
// configuration file is needed for a migration.
func (m *migration) open(ctx context.Context, args []string) (*store.Store, error) {
	dsn := ""
	switch {
	case len(args) == 1:
		dsn = args[0]
	case m.fromEnviron || len(m.files) > 0:
		dsn = m.environ("DSN")
		if dsn == "" && len(m.files) > 0 {
			o := m.sources(config.Flags{Dev: true})
			o.ReadOnly = true
			loaded, _, err := config.Load(o)
			if err != nil {
				return nil, err
			}
			dsn = loaded.DSN
		}
	}
	if dsn == "" {
		return nil, errors.New("no database was named: give its URL, or -e with the variable DSN or a configuration file (-c)")
	}
	return m.connect(ctx, dsn)
}

func (m *migration) up(cmd *cobra.Command, args []string) (err error) {
	ctx := cmd.Context()
	st, err := m.open(ctx, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	all, err := st.Migrations(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(m.Out, "The migration plan is as follows:")
	if err := table(m.Out, all); err != nil {
		return err
	}
	pending := 0
	for _, step := range all {
		if !step.Applied {
			pending++
			fmt.Fprintf(m.Out, "\n------------ %d - %s ------------\n\n%s", step.Version, step.Name, step.SQL)
		}
	}
	if pending > 0 && !m.yes && !m.agreed() {
		fmt.Fprintln(m.Out, "\n------------ WARNING ------------\nMigration aborted.")
		return nil
	}
	if _, err := st.Migrate(ctx); err != nil {
		fmt.Fprintln(m.Out, "\n------------ ERROR ------------")
		return err
	}
	fmt.Fprintln(m.Out, "\n------------ SUCCESS ------------\nSuccessfully applied migrations!")
	return nil
}

func (m *migration) agreed() bool {
	fmt.Fprint(m.Out, "\nDo you wish to execute this migration plan? [y/n]: ")
	line, _ := bufio.NewReader(m.In).ReadString('\n') // no answer is a no
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// lookEvery is the pause between two looks of status --block.
const lookEvery = time.Second

func (m *migration) status(cmd *cobra.Command, args []string) (err error) {
	ctx := cmd.Context()
	st, err := m.open(ctx, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for {
		all, err := st.Migrations(ctx)
		if err != nil {
			return err
		}
		waiting := ""
		for _, step := range all {
			if !step.Applied {
				waiting += fmt.Sprintf(" - %s\n", step.Name)
			}
		}
		if !m.block || waiting == "" {
			return m.show(all)
		}
		fmt.Fprint(m.Err, "Waiting for migrations to finish...\n"+waiting)
		select {
		case <-ctx.Done():
			return errors.New("interrupted before all steps were done")
		case <-time.After(lookEvery):
		}
	}
}

func (m *migration) show(all []store.Migration) error {
	if m.format == "table" {
		return table(m.Out, all)
	}
	type item struct {
		State   string `json:"state"`
		Version string `json:"version"`
		Name    string `json:"name"`
		Content string `json:"content"`
	}
	items := []item{}
	for _, step := range all {
		items = append(items, item{state(step), fmt.Sprint(step.Version), step.Name, step.SQL})
	}
	return encode(m.Out, m.format, items)
}

func state(m store.Migration) string {
	if m.Applied {
		return "Applied"
	}
	return "Pending"
}

func table(out io.Writer, all []store.Migration) error {
	w := tabwriter.NewWriter(out, 0, 8, 1, '\t', 0)
	fmt.Fprintln(w, "Version\tName\tStatus\t")
	for _, m := range all {
		fmt.Fprintf(w, "%d\t%s\t%s\t\n", m.Version, m.Name, state(m))
	}
	return w.Flush()
}
