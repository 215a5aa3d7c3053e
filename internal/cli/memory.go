package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// settled is how long after the start of the server everything that runs beside it has
// run once.
const settled = 2 * time.Second

// settle is called once the server is ready, for the whole process. From then on the
// heap has room. A little later what was needed to load everything is given back: a
// server that idles is small.
func settle(ctx context.Context, goGC string) {
	if goGC == "" { // an operator who sets it has decided already
		roomyHeap()
	}
	select {
	case <-ctx.Done():
	case <-time.After(settled):
		debug.FreeOSMemory()
		dropText()
	}
}

// heapRoom is how much garbage may pile up before it is collected, in bytes. Go
// collects when the heap has doubled, and ours is small: a few megabytes fill many
// times a second, and each time all that lives is looked at again. Where more than
// this lives (sessions in memory), Go's own rule gives more room, and holds.
const heapRoom = 32 << 20

// roomyHeap gives the heap that room at each collection. A limit by GOMEMLIMIT goes
// before it.
func roomyHeap() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := 100
	tune := func() {
		metrics.Read(live)
		percent := 100
		if bytes := live[0].Value.Uint64(); 0 < bytes && bytes < heapRoom {
			percent = int(heapRoom * 100 / bytes)
		}
		// To set it stops everything for a moment: not for a small difference.
		if percent > set*9/8 || percent < set*8/9 {
			debug.SetGCPercent(percent)
			set = percent
		}
	}
	tune()
	// Nothing holds it, so that each collection finds it, and calls.
	type everyTime struct{ _ *byte }
	var again func(*everyTime)
	again = func(*everyTime) {
		tune()
		runtime.SetFinalizer(&everyTime{}, again)
	}
	runtime.SetFinalizer(&everyTime{}, again)
}
