package hash

import (
	"context"
	"errors"

	"zelus/internal/auth"
)

// Explain turns an error of a Pool into what people are told of it. What is
// nobody's affair, such as a stored hash that cannot be read, stays as it is
// and becomes an internal error; nil stays nil.
func Explain(err error) error {
	switch {
	case errors.Is(err, ErrBusy):
		return auth.ErrTooBusy.Because(err)
	case errors.Is(err, ErrTooLong):
		return auth.ErrBadRequest.Because(err).Saying("The password is longer than %d bytes.", MaxPassword)
	case errors.Is(err, ErrClosed):
		return auth.ErrNotReady.Because(err).Saying("The server is being stopped. Try again shortly.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return auth.ErrTimeout.Because(err)
	}
	return err
}
