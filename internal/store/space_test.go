package store

import (
	"path/filepath"
	"testing"
)

func TestFreeSpace(t *testing.T) {
	if free, known := freeSpace(filepath.Join(t.TempDir(), "zelus.db")); known && free == 0 {
		t.Error("there is no room for this test")
	}
	if _, known := freeSpace(""); known {
		t.Error("a database in memory has a disk")
	}
	if _, known := freeSpace("/nowhere/at/all/zelus.db"); known {
		t.Error("a folder that is not there has a disk")
	}
}
