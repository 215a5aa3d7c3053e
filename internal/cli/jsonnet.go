package cli

import (
	"os"

	"github.com/spf13/cobra"

	"zelus/internal/jsonnet"
)

// childCommand is the command of the processes in which the server evaluates
// programs in Jsonnet. It is for nobody else.
const childCommand = "jsonnet-child"

func (c *command) jsonnetChild() *cobra.Command {
	return &cobra.Command{
		Use:    childCommand,
		Short:  "Evaluate Jsonnet for a server, which starts this by itself",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return jsonnet.Serve(c.In, c.Out) },
	}
}

// child is what starts such a process: this very program. Linux knows it even
// after a newer one was put in its place; elsewhere that one is started.
func child() []string {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return []string{self, childCommand}
	}
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return []string{path, childCommand}
}
