package cli

import (
	"fmt"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (c *command) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			commit, built := "unknown", "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						commit = s.Value
					case "vcs.time":
						built = s.Value
					}
				}
			}
			w := tabwriter.NewWriter(c.Out, 0, 8, 1, '\t', 0)
			fmt.Fprintf(w, "Version:\t%s\nBuild Commit:\t%s\nBuild Timestamp:\t%s\n", Version(), commit, built)
			return w.Flush()
		},
	}
}
