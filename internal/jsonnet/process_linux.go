package jsonnet

import "syscall"

// apart gives a child a process group of its own, so that signals which a
// terminal sends to the server do not reach it, and has the system end it when
// the thread that started it does, see (*Pool).startAll.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
