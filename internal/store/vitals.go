package store

import (
	"context"
	"os"
	"time"
)

// Vitals tell how a database is doing.
type Vitals struct {
	// Version is that of the database.
	Version string
	// Now is what the clock of the database says.
	Now time.Time
	// Connections are those that clients of a server have, all databases taken
	// together, and MostConnections how many they may have. Both are 0 for an
	// embedded database.
	Connections, MostConnections int
	// Size and LogSize are the lengths in bytes of an embedded database's file and
	// of its write-ahead log.
	Size, LogSize int64
	// Free is how many bytes there are on the disk of an embedded database, if
	// FreeKnown.
	Free      uint64
	FreeKnown bool
}

// Vitals asks the database how it is doing.
func (s *Store) Vitals(ctx context.Context) (Vitals, error) {
	var v Vitals
	var now int64
	if err := s.one(ctx, s.dialect.vitals, nil, &v.Version, &now, &v.Connections, &v.MostConnections); err != nil {
		return Vitals{}, err
	}
	v.Now = time.UnixMicro(now).UTC()
	if s.options.Path == "" {
		return v, nil
	}
	v.Free, v.FreeKnown = freeSpace(s.options.Path)
	for name, size := range map[string]*int64{s.options.Path: &v.Size, s.options.Path + "-wal": &v.LogSize} {
		if info, err := os.Stat(name); err == nil {
			*size = info.Size()
		}
	}
	return v, nil
}
