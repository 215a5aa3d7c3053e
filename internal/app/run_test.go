package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// TestCleans: what has ended is removed by itself, as often as the configuration says.
func TestCleans(t *testing.T) {
	s := start(t, setup{more: "{database: {cleanup: {sleep: {tables: 1s}}}}"})
	id := uuid.MustParse(s.client(t, app).begin("login", "").id)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.app.clean(ctx)
	}()
	s.clock.advance(48 * time.Hour)
	eventually(t, "the form is removed", func() bool {
		_, err := s.app.store.Flow(t.Context(), auth.DefaultProject, auth.Login, id)
		return errors.Is(err, store.ErrNotFound)
	})
	stop()
	<-ended
}
