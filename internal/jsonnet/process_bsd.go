//go:build unix && !linux

package jsonnet

import "syscall"

// apart gives a child a process group of its own, so that signals which a
// terminal sends to the server do not reach it.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
