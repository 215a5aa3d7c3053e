package hash

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"zelus/internal/auth"
)

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		err  error
		want *auth.Error
	}{
		{ErrBusy, auth.ErrTooBusy},
		{ErrTooLong, auth.ErrBadRequest},
		{ErrClosed, auth.ErrNotReady},
		{context.Canceled, auth.ErrTimeout},
		{context.DeadlineExceeded, auth.ErrTimeout},
		{ErrMalformed, auth.ErrInternal},
		{errors.New("else"), auth.ErrInternal},
	} {
		err := Explain(fmt.Errorf("wrapped: %w", test.err))
		if !errors.Is(err, test.err) {
			t.Errorf("%v: the cause is lost in %v", test.err, err)
		}
		if got := auth.AsError(err); got.ID != test.want.ID || got.Status != test.want.Status {
			t.Errorf("%v becomes %v", test.err, got)
		}
	}
	if err := Explain(nil); err != nil {
		t.Errorf("nothing becomes %v", err)
	}
}
