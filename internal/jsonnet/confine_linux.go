package jsonnet

import (
	"fmt"
	"os"
	"syscall"
)

// reserved is address space that Go asks for in advance and does not use.
const reserved = 256 << 20

// confine limits this process, for good: what memory it may map beyond what it
// has, a little above the limit that it watches itself, so that the system steps
// in only where one allocation is too large to be watched; no files written, no
// core dumps with data in them. Where the system refuses, the watching is left.
func confine(memory int64) {
	var size, resident, shared, text, lib, data int64
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(statm), &size, &resident, &shared, &text, &lib, &data)
	}
	page, most := int64(os.Getpagesize()), memory+memory/4
	if size > 0 && data > 0 {
		limit(syscall.RLIMIT_DATA, data*page+most)
		// For systems on which the other counts only a part of it.
		limit(syscall.RLIMIT_AS, size*page+most+reserved)
	}
	limit(syscall.RLIMIT_FSIZE, 0)
	limit(syscall.RLIMIT_CORE, 0)
}

func limit(resource int, most int64) {
	_ = syscall.Setrlimit(resource, &syscall.Rlimit{Cur: uint64(most), Max: uint64(most)})
}
