package store_test

import (
	"testing"

	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

func TestEveryStatementIsPrepared(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) { store.PrepareAll(t, st) })
}
