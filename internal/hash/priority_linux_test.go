package hash

import (
	"syscall"
	"testing"
)

// TestLowPriority looks from inside a worker, and from outside.
func TestLowPriority(t *testing.T) {
	p := newPool(t, Options{Workers: 1})
	niceness := func() int {
		raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, syscall.Gettid())
		if err != nil {
			t.Fatal(err)
		}
		return 20 - raw // as the system call has it
	}
	inside := -1
	if err := p.do(t.Context(), func(*memory) { inside = niceness() }); err != nil {
		t.Fatal(err)
	}
	if inside != 19 {
		t.Errorf("a worker has nice %d", inside)
	}
	p.Close()
	if outside := niceness(); outside == 19 {
		t.Error("so has everybody else")
	}
}
