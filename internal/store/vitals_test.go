package store_test

import (
	"testing"
	"time"

	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

func TestVitals(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		began := time.Now()
		v, err := st.Vitals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v.Version == "" || v.Now.Before(began.Add(-time.Minute)) || v.Now.After(time.Now().Add(time.Minute)) {
			t.Errorf("got %+v", v)
		}
		if postgres := st.Dialect() == "postgres"; postgres != (v.MostConnections > 0) || postgres != (v.Connections > 0) || postgres && v.FreeKnown {
			t.Errorf("got %+v", v)
		}
		if v.FreeKnown && (v.Free == 0 || v.Size == 0) {
			t.Errorf("got %+v", v)
		}
	})
}
