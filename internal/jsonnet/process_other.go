//go:build !unix

package jsonnet

import (
	"os"
	"syscall"
)

func apart() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) { _ = p.Kill() }
