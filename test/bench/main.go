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

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "bare" {
		fmt.Fprintln(os.Stderr, serveBare(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	large := flag.Bool("large", false, "with 1,000,000 identities")
	people := flag.Int("people", 1_000_000, "how many identities a large database has")
	binary := flag.String("binary", "bin/zelus", "the server")
	only := flag.String("only", "", "measure rows with this text in their name only")
	flag.Parse()
	if err := run(*binary, *only, *large, *people); err != nil {
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

func run(binary, only string, large bool, people int) (err error) {
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
	fmt.Printf("%s, %s/%s, %d cores\n\n", strings.TrimSpace(string(version)), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	defer b.table.Flush()
	if large {
		return b.large(people)
	}
	return b.small()
}

func (b *bench) row(cells ...string) {
	fmt.Fprintln(b.table, strings.Join(cells, "\t"))
	b.table.Flush()
}

// seeded starts a server on a database with so many people.
func (b *bench) seeded(people int) (*process, error) {
	dir, err := os.MkdirTemp(b.dir, "seeded")
	if err != nil {
		return nil, err
	}
	if err := seed(dir, people); err != nil {
		return nil, err
	}
	return b.start(dir)
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1e3) }
func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Nanoseconds())/1e6) }
func ratio(c comparison, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%.2f × bare (%s, bare %s)", c.ratio, micros(c.cost), micros(c.other)), nil
}

// small is the table of the figures that do not need many people.
func (b *bench) small() error {
	// Cold checks need people who were not asked for yet, more than fit into
	// the server's memory of answers.
	const people = 120_000
	var shared *process // made when the first row needs it
	defer func() {
		if shared != nil {
			shared.end()
		}
	}()
	inMillis := func(cost time.Duration, err error) (string, error) { return millis(cost), err }
	b.row("What", "Seen", "At most", "Kratos / Supabase Auth / PocketBase")
	for _, row := range []struct {
		name, most, others string
		seen               func(*process) (string, error)
	}{
		{"session check, warm", "1.25 ×", "60 × / 65 × / 13 ×", func(p *process) (string, error) { return ratio(b.against(p, b.checkWarm(p))) }},
		{"session check, cold", "4 ×", "", func(p *process) (string, error) { return ratio(b.against(p, b.checkCold(p, people, 1))) }},
		{"flow initialisation", "0.3 ms", "3.1 ms (Kratos)", func(p *process) (string, error) { return inMillis(b.begin(p).median()) }},
		{"sign-in page, with its flow", "1 ms", "", func(p *process) (string, error) { return inMillis(b.page(p).median()) }},
		{"login, besides the hash", "1 ms", "9 / 5 / 3 ms", func(p *process) (string, error) { return inMillis(b.signIn(p, people).median()) }},
		{"registration, besides the hash", "1 ms", "18 / 10 / 2 ms", func(p *process) (string, error) { return inMillis(b.signUp(p).median()) }},
		{"page of 250 identities", "2.5 ms", "14 / 15 / 15 ms", func(p *process) (string, error) {
			return inMillis(b.list(p, "/admin/identities?page_size=250").median())
		}},
		{"p99 of session checks while people sign in", "10 × idle, or 5 ms", "994 / 430 / 180 ms", func(p *process) (string, error) { return b.crowded(p, people) }},
		{"empty directory to ready, then warm start", "150 ms, 50 ms", "9 s / 381 ms / 76 ms", func(*process) (string, error) {
			first, second, err := b.fresh()
			return millis(first) + ", " + millis(second), err
		}},
		{"known to unknown addresses, where who has an account is hidden", "0.9–1.1 ×", "", func(*process) (string, error) { return b.hides() }},
		{"memory 10 s after start", "30 MB", "104 / 35 / 29.5 MB", func(*process) (string, error) { return b.memory() }},
	} {
		if !strings.Contains(row.name, b.only) {
			continue
		}
		if shared == nil {
			var err error
			if shared, err = b.seeded(people); err != nil {
				return err
			}
		}
		seen, err := row.seen(shared)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		b.row(row.name, seen, row.most, row.others)
	}
	return nil
}

// crowded is how long people wait for a session check while others sign in.
func (b *bench) crowded(p *process, people int) (string, error) {
	const during = 5 * time.Second
	idle, err := latencies(p, people, during)
	if err != nil {
		return "", err
	}
	stop := make(chan struct{})
	count := crowd(p, people, stop)
	busy, err := latencies(p, people, during)
	close(stop)
	signedIn, failed := count()
	return fmt.Sprintf("%s (idle %s; %d sign-ins a second)", millis(percentile(busy, 0.99)), millis(percentile(idle, 0.99)),
		signedIn/int(during/time.Second)), errors.Join(err, failed)
}

// memory is how much a server needs that nobody has asked for anything.
func (b *bench) memory() (string, error) {
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

// large compares a database with 10,000 people with one of many more.
func (b *bench) large(people int) error {
	const few = 10_000
	type figure struct {
		name string
		cost func(*process, int) (try, error)
	}
	plain := func(t try) (try, error) { return t, nil }
	figures := []figure{
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
	b.row("What", "10,000", fmt.Sprintf("%d", people), "ratio", "at most")
	// Both run at the same time and are measured in turn, so that what else the machine
	// does slows down both.
	sizes := [2]int{few, people}
	var on [2]*process
	for n, size := range sizes {
		var err error
		if on[n], err = b.seeded(size); err != nil {
			return err
		}
		defer on[n].end()
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
		c, err := tries[1].beside(tries[0])
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		most := "1.20"
		if i == 0 {
			most = "1.10"
		}
		b.row(f.name, micros(c.other), micros(c.cost), fmt.Sprintf("%.2f", c.ratio), most)
	}
	return nil
}

// threadTime is how long this thread has been on a processor.
func threadTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		return 0
	}
	return time.Duration(at.Nano())
}
