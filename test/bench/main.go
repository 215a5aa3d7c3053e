package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "bare" {
		fmt.Fprintln(os.Stderr, serveBare(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	large := flag.Bool("large", false, "with 1,000,000 identities")
	many := flag.Int("people", 1_000_000, "how many identities a large database has")
	binary := flag.String("binary", "bin/zelus", "the server")
	only := flag.String("only", "", "measure rows with this text in their name only")
	other := flag.String("beside", "", "another build of the server to compare it with")
	flag.Parse()
	if err := run(*binary, *other, *only, *large, *many); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what all measurements share.
type bench struct {
	binary, dir string
	only        string // what rows must have in their names
	requests    int    // in one try of something cheap
	table       *tabwriter.Writer
}

func run(binary, other, only string, large bool, many int) (err error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "zelus-bench.")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{binary: path, dir: dir, only: only, requests: 8_000, table: tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)}
	version, err := exec.Command(path, "version").Output()
	if err != nil {
		return err
	}
	one, err := hash()
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, %d cores; a hash takes %s\n\n", strings.TrimSpace(string(version)), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), millis(one))
	defer b.table.Flush()
	switch {
	case other != "" && large:
		return errors.New("-beside compares small databases: leave -large out")
	case other != "":
		return b.compare(other)
	case large:
		return b.large(many)
	}
	return b.small()
}

func (b *bench) row(cells ...string) {
	fmt.Fprintln(b.table, strings.Join(cells, "\t"))
	b.table.Flush()
}

// populate makes a folder with a database of so many people.
func (b *bench) populate(people int) (dir string, err error) {
	dir, err = os.MkdirTemp(b.dir, "seeded")
	if err != nil {
		return "", err
	}
	return dir, seed(dir, people)
}

// seeded starts a server on a database with so many people.
func (b *bench) seeded(people int) (*process, error) {
	dir, err := b.populate(people)
	if err != nil {
		return nil, err
	}
	return b.start(dir)
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1e3) }
func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Nanoseconds())/1e6) }

// smallPeople is how many people a small database has. Cold checks need people who were
// not asked for yet, more than fit into the server's memory of answers.
const smallPeople = 120_000

// figure is what is measured, and what it may be at most.
type figure struct {
	name, most, others string
	// cost measures it where it is time on a processor; show says it then.
	cost func(*process) try
	show func(*process, try) (string, error)
	// seen measures and says all others.
	seen func(*process) (string, error)
}

// figures are those that do not need many people.
func (b *bench) figures() []figure {
	inMillis := func(_ *process, t try) (string, error) {
		cost, err := t.median()
		return millis(cost), err
	}
	cold := func(p *process) try { return b.checkCold(p, smallPeople, 1) }
	signIn := func(p *process) try { return b.signIn(p, smallPeople) }
	list := func(p *process) try { return b.list(p, "/admin/identities?page_size=250") }
	return []figure{
		{name: "session check, warm", most: "1.25 ×", others: "60 × / 65 × / 13 ×", cost: b.checkWarm, show: b.against},
		{name: "session check, cold", most: "4 ×", cost: cold, show: b.against},
		{name: "flow initialisation", most: "0.3 ms", others: "3.1 ms (Kratos)", cost: b.begin, show: inMillis},
		{name: "sign-in page, with its flow", most: "1 ms", cost: b.page, show: inMillis},
		{name: "login, besides the hash", most: "1 ms", others: "9 / 5 / 3 ms", cost: signIn, show: inMillis},
		{name: "registration, besides the hash", most: "1 ms", others: "18 / 10 / 2 ms", cost: b.signUp, show: inMillis},
		{name: "page of 250 identities", most: "2.5 ms", others: "14 / 15 / 15 ms", cost: list, show: inMillis},
		{name: "p99 of session checks while people sign in", most: "10 × idle, or 5 ms", others: "994 / 430 / 180 ms", seen: b.crowded},
		{name: "empty directory to ready, then warm start", most: "150 ms, 50 ms", others: "9 s / 381 ms / 76 ms", seen: b.starts},
		{name: "known to unknown addresses, where who has an account is hidden", most: "0.9–1.1 ×", seen: b.hides},
		{name: "memory 10 s after start", most: "30 MB", others: "104 / 35 / 29.5 MB", seen: b.memory},
	}
}

// small prints the table.
func (b *bench) small() error {
	var shared *process // made when the first row needs it
	defer func() {
		if shared != nil {
			shared.end()
		}
	}()
	b.row("What", "Seen", "At most", "Kratos / Supabase Auth / PocketBase")
	for _, f := range b.figures() {
		if !strings.Contains(f.name, b.only) {
			continue
		}
		if shared == nil {
			var err error
			if shared, err = b.seeded(smallPeople); err != nil {
				return err
			}
		}
		seen := f.seen
		if f.cost != nil {
			seen = func(p *process) (string, error) { return f.show(p, f.cost(p)) }
		}
		said, err := seen(shared)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		b.row(f.name, said, f.most, f.others)
	}
	return nil
}

// compare compares two builds of the server, figure by figure: what this one costs, and how
// many times the cost of the other that is. Both run at the same time, on databases of
// their own with the same people, and take turns.
func (b *bench) compare(other string) error {
	path, err := filepath.Abs(other)
	if err != nil {
		return err
	}
	var on [2]*process
	for n, binary := range []string{b.binary, path} {
		one := *b
		one.binary = binary
		if on[n], err = one.seeded(smallPeople); err != nil {
			return err
		}
		defer on[n].end()
	}
	b.row("What", "This build", "The other", "ratio", "middle half")
	for _, f := range b.figures() {
		if f.cost == nil || !strings.Contains(f.name, b.only) {
			continue
		}
		all, err := f.cost(on[0]).inTurn(f.cost(on[1]))
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		c, from, to := all[rounds/2], all[rounds/4], all[rounds*3/4]
		b.row(f.name, micros(c.cost), micros(c.other), fmt.Sprintf("%.3f", c.ratio), fmt.Sprintf("%.3f–%.3f", from.ratio, to.ratio))
	}
	return nil
}

// crowded is how long people wait for a session check while others sign in.
func (b *bench) crowded(p *process) (string, error) {
	const during = 5 * time.Second
	idle, err := latencies(p, smallPeople, during)
	if err != nil {
		return "", err
	}
	stop := make(chan struct{})
	count := crowd(p, smallPeople, stop)
	busy, err := latencies(p, smallPeople, during)
	close(stop)
	signedIn, failed := count()
	return fmt.Sprintf("%s (idle %s; %d sign-ins a second)", millis(percentile(busy, 0.99)), millis(percentile(idle, 0.99)),
		signedIn/int(during/time.Second)), errors.Join(err, failed)
}

// memory is how much a server needs that nobody has asked for anything.
func (b *bench) memory(*process) (string, error) {
	dir := filepath.Join(b.dir, "memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	p, err := b.start(dir)
	if err != nil {
		return "", err
	}
	defer p.end()
	<-time.After(10 * time.Second)
	used, err := p.resident()
	return fmt.Sprintf("%.1f MB", float64(used)/1e6), err
}

// large compares a database with 10,000 people with one of many more, while what has
// expired is removed from both, in proportion.
func (b *bench) large(many int) error {
	const few = 10_000
	plain := func(t try) (try, error) { return t, nil }
	figures := []struct {
		name string
		cost func(*process, int) (try, error)
	}{
		{"session check, warm", func(p *process, _ int) (try, error) { return plain(b.checkWarm(p)) }},
		{"session check, cold, all over the database", func(p *process, people int) (try, error) { return plain(b.checkCold(p, people, 7919)) }},
		{"sign-in, besides the hash", func(p *process, people int) (try, error) { return plain(b.signIn(p, people)) }},
		{"page 1 of the list", func(p *process, _ int) (try, error) { return plain(b.list(p, "/admin/identities?page_size=250")) }},
		{"last full page of the list, by its token", func(p *process, people int) (try, error) {
			at, err := deep(p, people)
			return b.list(p, at), err
		}},
		{"look-up by identifier", func(p *process, people int) (try, error) {
			return plain(b.list(p, "/admin/identities?credentials_identifier="+email(people/2)))
		}},
	}
	b.row("What", "10,000", fmt.Sprintf("%d", many), "ratio", "at most")
	// Both run at the same time and are measured in turn, so that what else the machine
	// does slows down both.
	sizes := [2]int{few, many}
	var in [2]string
	for n, size := range sizes {
		var err error
		if in[n], err = b.populate(size); err != nil {
			return err
		}
	}
	var on [2]*process
	for n, size := range sizes {
		if err := leave(in[n], size); err != nil {
			return err
		}
		var err error
		if on[n], err = b.start(in[n], "database: {cleanup: {sleep: {tables: 1s}}}"); err != nil {
			return err
		}
		defer on[n].end()
	}
	ratio := func(name, most string, tries [2]try) error {
		c, err := tries[1].beside(tries[0])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.row(name, micros(c.other), micros(c.cost), fmt.Sprintf("%.2f", c.ratio), most)
		return nil
	}
	for i, f := range figures {
		if !strings.Contains(f.name, b.only) {
			continue
		}
		var tries [2]try
		for n, size := range sizes {
			var err error
			if tries[n], err = f.cost(on[n], size); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
		most := "1.20"
		if i == 0 {
			most = "1.10"
		}
		if err := ratio(f.name, most, tries); err != nil {
			return err
		}
	}
	const removing = "removal of what has expired, each row"
	if !strings.Contains(removing, b.only) {
		return nil
	}
	var tries [2]try
	for n := range sizes {
		on[n].end()
		st, err := openIn(in[n], ending)
		if err != nil {
			return err
		}
		defer st.Close()
		tries[n] = removal(st)
	}
	return ratio(removing, "1.20", tries)
}
