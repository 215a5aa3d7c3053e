//go:build !linux

package jsonnet

// confine does nothing here: the child watches its memory by itself.
func confine(int64) {}
