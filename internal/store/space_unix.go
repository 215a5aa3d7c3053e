//go:build linux || darwin || freebsd

package store

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// freeSpace is how many bytes there are on the disk of a file for those who
// are not root; not known for a database in memory.
func freeSpace(path string) (bytes uint64, known bool) {
	if path == "" {
		return 0, false
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &disk); err != nil {
		return 0, false
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), true
}
