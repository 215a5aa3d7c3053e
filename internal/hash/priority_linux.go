package hash

import "syscall"

// lowerPriority gives the calling thread the lowest priority, nice 19. On Linux
// each thread has its own. Where the system refuses, the work is done all the
// same, only less politely.
func lowerPriority() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), 19)
}
