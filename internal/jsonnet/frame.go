package jsonnet

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The two sides send each other frames: the length of the payload in four
// bytes, the kind in one, the payload. The parent asks, the child answers each
// frame with one.
const (
	// From the parent, with a payload in JSON.
	frameLimits   = 's' // limits; the first frame
	frameEvaluate = 'e' // Program
	frameCheck    = 'c' // Program: is it one?

	// From the child.
	frameReady    = 'r' // the limits hold
	frameValue    = 'v' // the output of a program, or nothing after a check
	frameFailed   = 'f' // ProgramError in JSON
	frameTooLarge = 'l' // the output is larger than allowed
	frameMemory   = 'm' // the program needs more memory than allowed; the child ends
)

// maxFrame bounds a frame to the child: a program and all that it is given.
const maxFrame = 8 << 20

// limits are what a child is told at its start.
type limits struct {
	Memory int64 `json:"memory"` // bytes
	Output int   `json:"output"` // bytes
}

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 5+len(payload)), uint32(len(payload)))
	frame = append(frame, kind)
	_, err := w.Write(append(frame, payload...))
	return err
}

// readFrame reads a frame of at most limit bytes. io.EOF is the end between two
// frames.
func readFrame(r io.Reader, limit int) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if int64(length) > int64(limit) {
		return 0, nil, fmt.Errorf("a frame of %d bytes is larger than the %d that are allowed", length, limit)
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[4], payload, nil
}
