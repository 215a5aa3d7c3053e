package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"zelus/internal/config"
	"zelus/internal/doctor"
)

// doctor examines a configuration and what it leads to.
func (c *command) doctor() *cobra.Command {
	var flags config.Flags
	var address, format string
	cmd := c.withConfig(&cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong, from the configuration to the cookies that arrive",
		Long: `Find out what is wrong: cookies, addresses, pages, CORS, security keys, schemas, secrets, passwords, mail, database,
clocks, and the running server as browsers reach it. Each finding names the setting to change.

Nothing is changed, and nothing is sent to people: the mail server is asked whether it would take mail, the server
begins one login form, which expires by itself. It ends with 1 if there is a problem.`,
		Example: "  zelus doctor -c kratos.yml\n  zelus doctor -c kratos.yml --url https://id.example.org/",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" && format != "json-pretty" {
				return fmt.Errorf("the format %q is not one of text, json and json-pretty", format)
			}
			o := doctor.Options{Config: c.sources(flags), Jsonnet: child(), Clock: c.Clock}
			var err error
			if o.URL, err = readURL(address); err != nil {
				return err
			}
			report := doctor.Examine(cmd.Context(), o)
			if format == "text" {
				err = report.Write(c.Out)
			} else {
				err = encode(c.Out, format, report)
			}
			switch {
			case err != nil:
				return err
			case report.Problems == 1:
				return errors.New("there is a problem")
			case report.Problems > 1:
				return fmt.Errorf("there are %d problems", report.Problems)
			}
			return nil
		},
	})
	cmd.Flags().BoolVar(&flags.Dev, "dev", false, "as the server would see it with --dev")
	cmd.Flags().StringVar(&address, "url", "", "address by which browsers reach the server; otherwise serve.public.base_url")
	cmd.Flags().StringVar(&format, "format", "text", "text, json or json-pretty")
	return cmd
}

// readURL reads the address of a server. Its path ends in a slash.
func readURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errors.New("--url takes a complete address, such as https://id.example.org/")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path, u.RawPath = u.Path+"/", ""
	}
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}
