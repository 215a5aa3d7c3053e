//go:build unix

package jsonnet

import (
	"os"
	"syscall"
)

// killGroup ends a process and whatever it may have started.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
