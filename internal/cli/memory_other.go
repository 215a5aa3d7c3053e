//go:build !linux

package cli

// dropText is for Linux.
func dropText() {}
