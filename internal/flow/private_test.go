package flow

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
)

// TestKept: what is kept lasts as it was kept last, through the store as well.
func TestKept(t *testing.T) {
	ring, err := secret.NewRing("flow", []string{"a secret of thirty-two characters"})
	if err != nil {
		t.Fatal(err)
	}
	v, end := &visit{current: &current{flows: ring}}, time.Unix(100, 0).UTC()
	written := &Form{Flow: &auth.Flow{ID: uuid.New()}}
	written.KeepUntil("fleeting", []byte("a"), end)
	written.KeepUntil("kept on", []byte("b"), end)
	written.Keep("kept on", []byte("c"))
	written.Forget("nothing")
	read := v.stored(written.Flow)
	read.Private = nil
	if err := v.unseal(read); err != nil {
		t.Fatal(err)
	}
	form := &Form{Flow: read}
	if a, b := string(form.Kept("fleeting")), string(form.Kept("kept on")); a != "a" || b != "c" || form.Kept("nothing") != nil {
		t.Errorf("kept %q and %q", a, b)
	}
	for name, over := range map[string]bool{"fleeting": true, "kept on": false} {
		if k := read.Private[name]; k.Over(end.Add(-1)) || k.Over(end) != over {
			t.Errorf("%s is over wrongly: %+v", name, k)
		}
	}
	// As it was stored before it had an end: lost, and no error.
	old := &auth.Flow{ID: read.ID, Sealed: ring.Seal([]byte(`{"code":"123456","private":{"fleeting":"YQ=="}}`), read.ID[:])}
	if err := v.unseal(old); err != nil || old.Code != "123456" || old.Private != nil {
		t.Errorf("an old flow: %+v, %v", old, err)
	}
}
