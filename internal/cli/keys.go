package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"zelus/internal/adminkey"
	"zelus/internal/config"
)

// keys holds the commands for the API keys of administrators. They work on the
// database with the secrets of the server, whether it runs or not.
func (c *command) keys() *cobra.Command {
	all := c.withConfig(group("keys", "Make, list and revoke the keys of the admin API"))
	k := &keyring{command: c}
	all.PersistentFlags().BoolVar(&k.dev, "dev", false, "for a server that runs with --dev; without -c, the one in this folder")
	create := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make a key and print it, this once",
		Long: `Make a key and print it, this once.

The key alone is written to standard output, so that it can be handed on; the database holds a hash of it. Once there
is a key the admin API asks for one, unless serve.admin.require_key is false.`,
		Example: "  zelus keys create -c kratos.yml --name billing --expires 90d",
		Args:    cobra.NoArgs,
		RunE:    k.create,
	}
	create.Flags().StringVar(&k.name, "name", "", "who uses the key")
	create.Flags().StringVar(&k.lifetime, "expires", "", "how long it is good, such as 90d, 12h or 2w (default: until it is revoked)")
	create.MarkFlagRequired("name")
	list := &cobra.Command{Use: "list", Short: "List all keys, the newest last", Args: cobra.NoArgs, RunE: k.list}
	list.Flags().StringVar(&k.format, "format", "table", "table, json or json-pretty")
	revoke := &cobra.Command{Use: "revoke ID-OR-NAME", Short: "Revoke a key, at once and for good", Args: cobra.ExactArgs(1), RunE: k.revoke}
	all.AddCommand(create, list, revoke)
	return all
}

type keyring struct {
	*command
	dev                    bool
	name, lifetime, format string
}

// on opens the database of the server for as long as do takes. It makes
// neither a database nor secrets: keys in others than the server's are of no use.
func (k *keyring) on(ctx context.Context, do func(*config.Config, *adminkey.Keys) error) (err error) {
	o := k.sources(config.Flags{Dev: k.dev})
	o.ReadOnly, o.Existing = true, true
	c, _, err := config.Load(o)
	if err != nil {
		return err
	}
	dsn, err := config.ParseDSN(c.DSN)
	if err != nil {
		return fmt.Errorf("the database address %w", err)
	}
	if dsn.Memory {
		return errors.New("the database is in the memory of the server, where no other program reaches it; ask the server itself: POST /admin/keys")
	}
	if dsn.Dialect == "sqlite" {
		if _, err := os.Stat(dsn.Path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database %s; start the server once, which makes it, or run `zelus migrate sql up`", dsn.Path)
		}
	}
	st, err := k.connect(ctx, c.DSN)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := st.Ready(ctx); err != nil {
		return err
	}
	keys, err := adminkey.New(st, k.Clock, k.logger(), adminkey.Settings{Secrets: c.Secrets.Default})
	if err != nil {
		return err
	}
	return do(c, keys)
}

func (k *keyring) create(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	lifetime, ends := time.Duration(0), cmd.Flags().Changed("expires")
	if ends {
		var err error
		if lifetime, err = adminkey.ParseLifetime(k.lifetime); err != nil {
			return plain(err)
		}
	}
	return k.on(ctx, func(c *config.Config, keys *adminkey.Keys) error {
		some, err := keys.Any(ctx)
		if err != nil {
			return err
		}
		var expires *time.Time
		until := "until it is revoked"
		if ends {
			expires = keys.After(lifetime)
			until = "until " + instant(expires)
		}
		made, key, err := keys.Create(ctx, k.name, expires)
		if err != nil {
			return plain(err)
		}
		if _, err := fmt.Fprintln(k.Out, key); err != nil {
			return fmt.Errorf("the key could not be printed, and is of no use to anybody; run `zelus keys revoke %s`: %w", made.ID, err)
		}
		fmt.Fprintf(k.Err, "This is the key %q (%s). It is good %s, and shown this once.\nSend it in the header Authorization, behind the word Bearer.\n", made.Name, made.ID, until)
		switch require := c.Serve.Admin.RequireKey; {
		case require != nil && !*require:
			fmt.Fprintln(k.Err, "The admin API does not ask for it: serve.admin.require_key is false.")
		case require == nil && !some:
			fmt.Fprintln(k.Err, "It is the first one. From now on the admin API asks for a key.")
		}
		return nil
	})
}

func (k *keyring) list(cmd *cobra.Command, _ []string) error {
	return k.on(cmd.Context(), func(_ *config.Config, keys *adminkey.Keys) error {
		all, err := keys.List(cmd.Context())
		if err != nil {
			return err
		}
		if k.format != "table" {
			return encode(k.Out, k.format, all)
		}
		w := tabwriter.NewWriter(k.Out, 0, 8, 1, '\t', 0)
		fmt.Fprintln(w, "ID\tName\tState\tCreated\tExpires\tLast used\t")
		for _, one := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t\n", one.ID, one.Name, one.State, instant(&one.CreatedAt), instant(one.ExpiresAt), instant(one.LastUsedAt))
		}
		return w.Flush()
	})
}

func (k *keyring) revoke(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	return k.on(ctx, func(_ *config.Config, keys *adminkey.Keys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		one, err := choose(all, args[0])
		if err != nil {
			return err
		}
		if err := keys.Revoke(ctx, one.ID); err != nil {
			return err
		}
		fmt.Fprintf(k.Out, "The key %q (%s) is revoked.\n", one.Name, one.ID)
		return nil
	})
}

// choose finds the key that is meant by an id, or by a name if only one live
// key has it.
func choose(all []adminkey.Key, meant string) (adminkey.Key, error) {
	id, _ := uuid.Parse(meant) // the nil id, which nobody has, where it is none
	var live, ended []adminkey.Key
	for _, one := range all {
		switch {
		case one.ID == id:
			return one, nil
		case one.Name != meant:
		case one.State == adminkey.Live:
			live = append(live, one)
		default:
			ended = append(ended, one)
		}
	}
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return adminkey.Key{}, fmt.Errorf("%d live keys are called %q; say which one by its id:%s", len(live), meant, candidates(live))
	case len(ended) > 0:
		return adminkey.Key{}, fmt.Errorf("no live key is called %q, only:%s", meant, candidates(ended))
	}
	return adminkey.Key{}, fmt.Errorf("there is no key with the id or name %q; `zelus keys list` shows all", meant)
}

func candidates(all []adminkey.Key) string {
	var b strings.Builder
	for _, one := range all {
		fmt.Fprintf(&b, "\n  %s  %s, made %s, last used %s", one.ID, one.State, instant(&one.CreatedAt), instant(one.LastUsedAt))
	}
	return b.String()
}
