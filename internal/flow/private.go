package flow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/ui"
)

// Keep remembers something of a form that nobody is told: a secret that is being
// set up, a challenge. It ends with the form's success. All methods share the
// names, so each begins its own with what it is called.
func (f *Form) Keep(name string, value []byte) { f.KeepUntil(name, value, time.Time{}) }

// KeepUntil is Keep for what makes a form show a secret: from then on the form is as if
// it had not been kept.
func (f *Form) KeepUntil(name string, value []byte, at time.Time) {
	if f.Flow.Private == nil {
		f.Flow.Private = map[string]auth.Kept{}
	}
	f.Flow.Private[name] = auth.Kept{Value: value, Until: at}
}

// Kept is what was kept under a name; nil where nothing was.
func (f *Form) Kept(name string) []byte { return f.Flow.Private[name].Value }

// Forget drops what was kept under a name.
func (f *Form) Forget(name string) { delete(f.Flow.Private, name) }

// expire takes out of a form that was read what KeepUntil kept until a time that is over,
// and builds the form anew without what it showed because of that. It writes nothing: to read a form is safe, however often
// and in which order that happens (RFC 9110 section 9.2.1).
func (v *visit) expire(f *auth.Flow) error {
	kept, now := len(f.Private), v.engine.Clock()
	maps.DeleteFunc(f.Private, func(_ string, k auth.Kept) bool { return k.Over(now) })
	if len(f.Private) == kept {
		return nil
	}
	form, err := v.form(f)
	if err != nil {
		return err
	}
	before := f.UI
	if err := v.prepare(v.r.Context(), form); err != nil {
		return err
	}
	v.kindOf(f).keep(form.UI, before)
	return nil
}

// sealedPart is what of a flow is stored encrypted. What was private was stored under
// another name before it had an end, and is lost where it still is: the methods begin again.
type sealedPart struct {
	Code    string               `json:"code,omitempty"`
	Private map[string]auth.Kept `json:"kept,omitempty"`
	Nodes   []sealedNode         `json:"nodes,omitempty"`
}

// sealedNode is a secret node and its place in the form.
type sealedNode struct {
	At   int     `json:"at"`
	Node ui.Node `json:"node"`
}

// stored is a flow as it is kept: what is secret about it encrypted, a code that a
// link filled in among that, and without the traits that its form was filled with,
// which may be large and would stay behind when their owner is deleted.
func (v *visit) stored(f *auth.Flow) *auth.Flow {
	lean, secret := *f, sealedPart{Private: f.Private}
	lean.UI.Nodes = make([]ui.Node, 0, len(f.UI.Nodes))
	for at, n := range f.UI.Nodes {
		if n.Secret {
			secret.Nodes = append(secret.Nodes, sealedNode{at, n})
			continue
		}
		if code, ok := n.Attributes.Value.(string); ok && n.Name() == codeField && code != "" {
			secret.Code, n.Attributes.Value = code, nil
		}
		if f.Filled && strings.HasPrefix(n.Name(), "traits.") {
			n.Attributes.Value = nil
		}
		lean.UI.Nodes = append(lean.UI.Nodes, n)
	}
	lean.Sealed = nil
	if secret.Code != "" || len(secret.Private) > 0 || len(secret.Nodes) > 0 {
		plain, _ := json.Marshal(secret) // it holds nothing that cannot be encoded
		lean.Sealed = v.flows.Seal(plain, f.ID[:])
	}
	return &lean
}

// unseal is the reverse of what stored has encrypted. What was sealed with a key
// that is gone is lost: the methods begin again with what they remembered.
func (v *visit) unseal(f *auth.Flow) error {
	if len(f.Sealed) == 0 {
		return nil
	}
	plain, err := v.flows.Open(f.Sealed, f.ID[:])
	if err != nil {
		return nil
	}
	var secret sealedPart
	if err := json.Unmarshal(plain, &secret); err != nil {
		return fmt.Errorf("what is secret about the flow %s cannot be read: %w", f.ID, err)
	}
	f.Code, f.Private = secret.Code, secret.Private
	for _, s := range secret.Nodes {
		s.Node.Secret = true
		f.UI.Nodes = slices.Insert(f.UI.Nodes, min(s.At, len(f.UI.Nodes)), s.Node)
	}
	return nil
}

// refill puts into a form that was read what stored has left out. A code is for
// the browser that has brought it: who only began the form, perhaps with the
// address of somebody else, must not learn it there.
func (v *visit) refill(f *auth.Flow) error {
	if f.Code != "" {
		if secret, ok := v.csrf.Secret(v.r); ok && v.reads(f, secret) {
			f.UI.SetValue(codeField, f.Code)
		}
	}
	if !f.Filled {
		return nil
	}
	owner, err := v.person.Identity()
	if err != nil {
		return err
	}
	s, err := v.schema(owner.SchemaID)
	if err != nil {
		return err
	}
	s.Fill(&f.UI, ui.GroupProfile, owner.Traits)
	v.kindOf(f).sort(&Form{Flow: f, UI: &f.UI, Schema: s})
	return nil
}
