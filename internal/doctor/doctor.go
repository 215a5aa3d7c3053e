package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"zelus/internal/app"
	"zelus/internal/config"
)

// Level is how serious a finding is.
type Level string

// The levels: all is well; good to know; something will surprise somebody; something
// does not work, or is not safe.
const (
	OK      Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is one thing that was found.
type Finding struct {
	// Check is what was looked at.
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Setting is the key to change and Where its file and line, or the name of its
	// variable; either is empty where there is none.
	Setting string `json:"setting,omitempty"`
	Where   string `json:"where,omitempty"`
	// Seen is what is so, Expected what should be, Do what to do about it.
	Seen     string `json:"seen"`
	Expected string `json:"expected,omitempty"`
	Do       string `json:"do,omitempty"`
}

// Report is all that was found, in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Notes    int       `json:"notes"`
}

// Options say what to examine.
type Options struct {
	// Config is where the configuration comes from. It is only read.
	Config config.Options
	// Jsonnet is what starts a child process, see app.Options.
	Jsonnet []string
	Clock   func() time.Time
	// URL is the address by which browsers come; nil is the public base URL.
	URL *url.URL
}

// exam is what the checks look at.
type exam struct {
	Options
	config  *config.Config
	checked *app.Checked // nil where no server could start with this
	base    *url.URL     // the public base URL
}

// check is one thing to look at.
type check struct {
	name string
	run  func(context.Context, *exam, *findings)
}

// checks are all of them, in the order of the report.
func checks() []check {
	return []check{
		{"addresses", addresses},
		{"cookies", cookies},
		{"pages", pages},
		{"return URLs", returnURLs},
		{"cross-origin", crossOrigin},
		{"security keys", securityKeys},
		{"schemas", schemas},
		{"secrets", secrets},
		{"passwords", passwords},
		{"mail", mail},
		{"text messages", textMessages},
		{"database", database},
		{"server", server},
	}
}

const (
	// within is how long a check may take, and mercy how much longer its goroutine
	// is waited for.
	within = 20 * time.Second
	mercy  = 2 * time.Second
)

// Examine runs all checks, at the same time. A configuration that is not valid is
// a finding.
func Examine(ctx context.Context, o Options) *Report {
	about := &findings{check: "configuration"}
	o.Config.ReadOnly = true
	c, warnings, err := config.Load(o.Config)
	if err != nil {
		about.blame(err)
		return reportOf(about)
	}
	x := &exam{Options: o, config: c, base: c.PublicURL()}
	about.config = c
	if x.checked, err = app.Check(ctx, c, o.Config.Environ, o.Jsonnet); err != nil {
		about.blame(err)
	} else {
		warnings = append(warnings, x.checked.Warnings...)
	}
	for _, w := range warnings {
		about.add(Finding{Level: Warning, Setting: w.Key, Where: w.Where.String(), Seen: sentence(w.Text)})
	}
	if len(about.list) == 0 {
		about.ok("It is valid: schemas, templates, keys and programs can be read.")
	}
	all := []*findings{about}
	var running []chan *findings
	for _, each := range checks() {
		done := make(chan *findings, 1)
		running = append(running, done)
		go func() {
			f := &findings{check: each.name, config: c}
			ctx, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			each.run(ctx, x, f)
			done <- f
		}()
	}
	late := time.NewTimer(within + mercy)
	defer late.Stop()
	for i, done := range running {
		select {
		case f := <-done:
			all = append(all, f)
		case <-late.C:
			late.Reset(0) // for all others that are late
			f := &findings{check: checks()[i].name}
			f.add(Finding{Level: Problem, Seen: fmt.Sprintf("This could not be looked at within %s.", within)})
			all = append(all, f)
		}
	}
	return reportOf(all...)
}

func reportOf(all ...*findings) *Report {
	r := &Report{Findings: []Finding{}}
	for _, f := range all {
		for _, one := range f.list {
			r.Findings = append(r.Findings, one)
			switch one.Level {
			case Problem:
				r.Problems++
			case Warning:
				r.Warnings++
			case Note:
				r.Notes++
			}
		}
	}
	return r
}

// findings are those of one check.
type findings struct {
	check  string
	config *config.Config
	list   []Finding
}

func (f *findings) add(one Finding) {
	one.Check = f.check
	if one.Where == "" && one.Setting != "" && f.config != nil {
		one.Where = f.config.Where(one.Setting).String()
	}
	f.list = append(f.list, one)
}

// ok says what is well.
func (f *findings) ok(format string, args ...any) {
	f.add(Finding{Level: OK, Seen: fmt.Sprintf(format, args...)})
}

// note says what is good to know.
func (f *findings) note(setting, seen, do string) {
	f.add(Finding{Level: Note, Setting: setting, Seen: seen, Do: do})
}

func (f *findings) warn(setting, seen, expected, do string) {
	f.add(Finding{Level: Warning, Setting: setting, Seen: seen, Expected: expected, Do: do})
}

func (f *findings) problem(setting, seen, expected, do string) {
	f.add(Finding{Level: Problem, Setting: setting, Seen: seen, Expected: expected, Do: do})
}

// blame makes problems of an error whose parts may begin with a key, see
// (*config.Config).Blame.
func (f *findings) blame(err error) {
	known := (*config.Error)(nil)
	if !errors.As(err, &known) && f.config != nil {
		err = f.config.Blame(err)
	}
	if !errors.As(err, &known) {
		f.problem("", sentence(err.Error()), "", "")
		return
	}
	for _, p := range known.Problems {
		f.add(Finding{Level: Problem, Setting: p.Key, Where: p.Where.String(), Seen: sentence(p.Text)})
	}
	if known.More > 0 {
		f.problem("", fmt.Sprintf("There are %d more of these.", known.More), "", "")
	}
}

// clean says whether nothing was found that somebody should look at.
func (f *findings) clean() bool {
	for _, one := range f.list {
		if one.Level == Warning || one.Level == Problem {
			return false
		}
	}
	return true
}
