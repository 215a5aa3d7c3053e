package cli

import (
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropText unmaps the pages of the program itself. Linux maps what lies around each
// page that is touched, so that after the start all of the program is counted as
// resident, three quarters of the server's memory, though a part of it runs ever
// after. That part comes back by itself, from the page cache, when it is next used.
// Nothing is lost if it does not work.
//
// A program that runs at whatever address (-buildmode=pie, as distributions build) has
// had addresses written into its constants when it was loaded. These do not come back, so
// there only the code is unmapped, which has none.
func dropText() {
	fixed := false
	if info, ok := debug.ReadBuildInfo(); ok {
		fixed = slices.Contains(info.Settings, debug.BuildSetting{Key: "-buildmode", Value: "exe"})
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		// 00400000-0105e000 r-xp 00000000 fe:00 10535091   /usr/bin/zelus
		f := strings.Fields(line)
		if len(f) != 6 || f[5] != self || f[1] != "r-xp" && !(fixed && f[1] == "r--p") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED)
		}
	}
}
