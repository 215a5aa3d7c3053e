//go:build !linux

package hash

// lowerPriority does nothing: elsewhere, priorities are those of processes.
func lowerPriority() {}
