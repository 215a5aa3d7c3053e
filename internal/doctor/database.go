package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"zelus/internal/app"
	"zelus/internal/config"
	"zelus/internal/store"
)

// What an embedded database should have and have not, in bytes.
const (
	littleSpace = 1 << 30
	largeLog    = 256 << 20
)

// How far clocks may be apart: beyond the first, sessions and codes end visibly
// early or late; beyond the second, codes of authenticator apps (RFC 6238, 30
// seconds) and signed tokens are refused.
const (
	offTolerable = 5 * time.Second
	offTooFar    = 30 * time.Second
)

// database looks at the database: whether it is there, takes changes and has the
// tables of this program.
func database(ctx context.Context, x *exam, f *findings) {
	dsn, err := config.ParseDSN(x.config.DSN)
	if err != nil {
		return // the configuration says so
	}
	switch {
	case dsn.Memory:
		f.warn("dsn", "The database is in memory: all accounts are gone when the server stops.", "sqlite:// and a path, or postgres://.", "Set it, unless this is for a try-out.")
		return
	case dsn.Dialect != "sqlite" && dsn.Dialect != "postgres":
		return // the configuration says so
	case dsn.Dialect == "sqlite" && !embedded(dsn.Path, f):
		return
	}
	st, err := app.Open(ctx, x.config.DSN, store.Options{Cores: 1, Clock: x.Clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.problem("dsn", sentence(err.Error()), "A database that can be opened.", "Correct the address, or the rights of the file.")
		return
	}
	defer st.Close()
	began := x.Clock()
	v, err := st.Vitals(ctx)
	if err != nil {
		f.problem("dsn", fmt.Sprintf("The database does not answer: %s.", why(err)), "A database that answers.", "Start it, or correct the address, user and password.")
		return
	}
	clock(f, "the database", v.Now, began, x.Clock(), 0)
	all, err := st.Migrations(ctx)
	if err != nil {
		f.problem("dsn", fmt.Sprintf("The tables cannot be read: %s.", why(err)), "Tables of this program.", "Correct the rights of the user.")
		return
	}
	pending := 0
	for _, m := range all {
		if !m.Applied {
			pending++
		}
	}
	switch {
	case pending > 0 && dsn.Dialect == "sqlite":
		f.note("dsn", fmt.Sprintf("%d of %d steps of the tables are to be done. The server does them at its next start.", pending, len(all)), "Nothing; make a copy of the file before.")
	case pending > 0:
		f.problem("dsn", fmt.Sprintf("%d of %d steps of the tables are not done: the server is not ready.", pending, len(all)), "Tables of this version.", "Run `zelus migrate sql up`.")
	default:
		if err := st.Ping(ctx); err != nil {
			f.problem("dsn", fmt.Sprintf("The database takes no changes: %s.", why(err)), "A database that can be written to.", "For a server: the primary, not a replica, and a user who may write. For a file: its rights, those of its folder, and room on the disk.")
		}
		if waiting, err := st.CountMessages(ctx, store.MessageQueued); err == nil && waiting > 0 && dsn.Dialect == "postgres" && !x.config.WatchCourier && !x.config.Dev {
			f.note("watch-courier", fmt.Sprintf("%d messages wait, and the server sends none.", waiting), "See that `zelus courier watch` is running, or set it to true.")
		}
	}
	space(v, f)
	if most := dsn.MaxConns; v.MostConnections > 0 && v.MostConnections-v.Connections < max(most, 4) {
		f.warn("dsn", fmt.Sprintf("The database has %d of at most %d connections in use.", v.Connections, v.MostConnections), "Room for those of every server (max_conns, by default twice its cores).", "Raise max_connections of PostgreSQL, or lower max_conns in dsn.")
	}
	if f.clean() {
		name := "PostgreSQL " + v.Version
		if dsn.Dialect == "sqlite" {
			name = fmt.Sprintf("SQLite %s, %s, and %s free on its disk", v.Version, size(uint64(v.Size)), size(v.Free))
		}
		f.ok("%s; %d steps of the tables are done.", name, len(all)-pending)
	}
}

// embedded looks at the file of an SQLite database before anything opens it, which
// would make a file, or change what it finds. It says whether to go on.
func embedded(path string, f *findings) bool {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		folder := filepath.Dir(path)
		if info, err := os.Stat(folder); err == nil && !info.IsDir() {
			f.problem("dsn", fmt.Sprintf("%s is not a folder.", folder), "A folder for the database.", "Correct the path.")
			return false
		}
		f.note("dsn", fmt.Sprintf("There is no file %s yet. The server makes it at its first start.", path), "Nothing; but if you expected one, correct the path, which counts from the folder that the server is started in.")
		return false
	}
	if err != nil {
		f.problem("dsn", fmt.Sprintf("The database cannot be opened: %s.", why(err)), "A file that this user can read and write.", "Correct its rights, or the path.")
		return false
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		f.warn("dsn", fmt.Sprintf("Others on this machine can read or write %s (mode %04o).", path, info.Mode().Perm()), "Mode 0600.", "Run: chmod 600 "+path)
	}
	// The database file format: https://www.sqlite.org/fileformat2.html, section 1.3.
	header := make([]byte, 20)
	n, err := io.ReadFull(file, header)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		f.note("dsn", fmt.Sprintf("%s is empty. The server makes the tables at its first start.", path), "Nothing, if that is so.")
		return false
	case err != nil || !bytes.HasPrefix(header, []byte("SQLite format 3\x00")):
		f.problem("dsn", fmt.Sprintf("%s is no SQLite database.", path), "A database, or a file that is not there yet.", "Correct the path.")
		return false
	case header[18] != 2:
		f.note("dsn", fmt.Sprintf("%s has no write-ahead log yet. The server switches it on at its next start.", path), "Nothing. It was not looked at further, because that would switch it on too.")
		return false
	}
	return true
}

// space judges the room of an embedded database.
func space(v store.Vitals, f *findings) {
	if v.FreeKnown && v.Free < littleSpace {
		f.warn("dsn", fmt.Sprintf("Only %s are free on the disk of the database.", size(v.Free)), fmt.Sprintf("%s or more.", size(littleSpace)), "Make room, or move the database. When the disk is full nobody can sign in.")
	}
	if v.LogSize > largeLog {
		f.warn("dsn", fmt.Sprintf("The write-ahead log of the database has %s: something has been reading from it for long, so that it is never taken over.", size(uint64(v.LogSize))), "A few megabytes.", "End backups and other programs that keep the database open.")
	}
}

// clock compares a clock with that of this machine, which said began and ended
// around it. The other one is right to within some coarseness.
func clock(f *findings, whose string, says, began, ended time.Time, coarse time.Duration) {
	off := time.Duration(0)
	switch {
	case says.Add(coarse).Before(began):
		off = began.Sub(says.Add(coarse))
	case says.After(ended):
		off = says.Sub(ended)
	}
	way := "behind"
	if says.After(ended) {
		way = "ahead of"
	}
	seen := fmt.Sprintf("The clock of %s is %s %s that of this machine.", whose, off.Round(time.Second), way)
	switch {
	case off >= offTooFar:
		f.problem("", seen, "Less than a few seconds: codes of authenticator apps and signed tokens are refused otherwise.", "Set both by NTP.")
	case off >= offTolerable:
		f.warn("", seen, "Less than a few seconds.", "Set both by NTP.")
	}
}

// size is a number of bytes for people.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}
