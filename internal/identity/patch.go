package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

// Bounds of a patch, so that none takes long.
const (
	maxOperations = 1000
	maxPath       = 4096 // bytes
	maxSteps      = 100  // of one path
)

// operation is one change of a JSON Patch.
type operation struct {
	number int // from 1, for errors
	kind   string
	path   string   // as it was given, for errors
	steps  []string // of the path; never empty
	value  json.RawMessage
}

// Patch changes an identity by a JSON Patch (RFC 6902) with add, remove and
// replace. As with Kratos, replacing what is not there adds it, and objects
// and lists that are missing on the way are made.
//
// What a patch may name is an identity as an administrator sees it, with the
// configs of its credentials. Some of that the server keeps by itself (dates,
// the address of the schema, recovery addresses): a patch may name it, as one
// does that was made by comparing two answers, and changes nothing.
func (m *Manager) Patch(ctx context.Context, id uuid.UUID, body []byte) (*auth.Identity, error) {
	patch, err := readPatch(body)
	if err != nil {
		return nil, err
	}
	return m.update(ctx, id, func(i *auth.Identity) error { return applyPatch(i, patch, auth.Now(m.Clock())) }, nil)
}

func readPatch(body []byte) ([]operation, error) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) || body[0] != '[' {
		return nil, auth.ErrPatch.Saying("The body is not a JSON Patch: it must be a list of operations as in RFC 6902.")
	}
	list := cut(body)
	if len(list) > maxOperations {
		return nil, auth.ErrPatch.Saying("The patch has %d operations; at most %d are possible.", len(list), maxOperations)
	}
	patch := make([]operation, len(list))
	for n, text := range list {
		op, err := readOperation(n+1, text)
		if err != nil {
			return nil, err
		}
		patch[n] = op
	}
	return patch, nil
}

func readOperation(number int, text json.RawMessage) (operation, error) {
	op := operation{number: number}
	// Not a struct, to which a member of the name "PATH" would be the path.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return op, auth.ErrPatch.Because(err).Saying("Operation %d of the patch is not an object.", number)
	}
	if err := json.Unmarshal(members["path"], &op.path); err != nil {
		return op, auth.ErrPatch.Because(err).Saying("Operation %d of the patch has no path.", number)
	}
	steps, err := splitPath(op.path)
	if err != nil {
		return op, auth.ErrPatch.Saying("The path of operation %d of the patch cannot be used: %s.", number, err)
	}
	op.steps = steps
	if err := op.allowed(); err != nil {
		return op, err
	}
	if err := json.Unmarshal(members["op"], &op.kind); err != nil || !slices.Contains([]string{"add", "remove", "replace"}, op.kind) {
		return op, auth.ErrPatch.Saying("Operation %d of the patch is none of add, remove and replace.", number)
	}
	op.value = members["value"]
	if op.value == nil && op.kind != "remove" {
		return op, auth.ErrPatch.Saying("Operation %d of the patch has no value.", number)
	}
	return op, nil
}

// splitPath reads a JSON Pointer (RFC 6901 section 3). That of the whole
// document is not among those that can be used here.
func splitPath(path string) ([]string, error) {
	switch {
	case path == "":
		return nil, errors.New("a patch changes parts of an identity, not all of it")
	case path[0] != '/':
		return nil, errors.New("it does not begin with a slash")
	case len(path) > maxPath:
		return nil, fmt.Errorf("it is longer than %d bytes", maxPath)
	case strings.Count(path, "/") > maxSteps:
		return nil, fmt.Errorf("it has more than %d steps", maxSteps)
	}
	steps := strings.Split(path[1:], "/")
	for n, step := range steps {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(step); strings.Contains(rest, "~") {
			return nil, errors.New("a tilde is written ~0, a slash in a name ~1")
		}
		steps[n] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
	}
	return steps, nil
}

// allowed says whether a path may be patched. What is denied is so in any
// case of letters, as with Kratos; what is allowed is a closed list.
func (op *operation) allowed() error {
	is := func(n int, name string) bool { return len(op.steps) > n && strings.EqualFold(op.steps[n], name) }
	if is(0, "id") || is(0, "stateChangedAt") || is(0, "credentials") && (len(op.steps) == 1 || is(1, "oidc") || is(1, "saml")) {
		denied := auth.ErrPatchDenied.Saying("This part of an identity cannot be patched.")
		denied.Message = fmt.Sprintf("The patch includes the denied path %s.", op.path)
		return denied
	}
	switch op.steps[0] {
	case "external_id", "schema_id", "state", "traits", "metadata_public", "metadata_admin", "verifiable_addresses", "organization_id", "delete_at":
		return nil
	case "schema_url", "state_changed_at", "recovery_addresses", "created_at", "updated_at":
		return nil // without effect
	case "credentials":
		if len(op.steps) > 2 && op.steps[2] != "config" {
			return op.fails("of a credential, only the config can be patched")
		}
		return nil
	}
	return op.fails("an identity has no such member")
}

func (op *operation) fails(format string, args ...any) error {
	return auth.ErrPatch.Saying("Operation %d of the patch cannot be applied to %s: %s.", op.number, op.path, fmt.Sprintf(format, args...))
}

// applyPatch changes an identity.
func applyPatch(i *auth.Identity, patch []operation, now time.Time) error {
	var all []auth.CredentialType
	for t := range i.Credentials {
		all = append(all, t)
	}
	document := &node{text: i.Pack().Render(auth.Reader{Addresses: true, Admin: true, Credentials: CredentialsJSON(i.Credentials, all...)})}
	for n := range patch {
		if err := patch[n].apply(i, document); err != nil {
			return err
		}
	}
	if depth(document.bytes()) > maxDepth {
		return auth.ErrPatch.Saying("What the patch makes is nested too deeply.")
	}
	taken := map[string]bool{} // so that each part is taken once
	for n := range patch {
		part := patch[n].part()
		if taken[strings.Join(part, "/")] {
			continue
		}
		taken[strings.Join(part, "/")] = true
		if err := take(i, part, document, now); err != nil {
			return err
		}
	}
	return nil
}

func (op *operation) apply(i *auth.Identity, document *node) error {
	if op.steps[0] == "credentials" {
		t := auth.CredentialType(op.steps[1])
		if _, ok := i.Credentials[t]; !ok {
			return op.fails("the identity has no such credential, and a patch cannot add one")
		}
		if op.kind == "remove" && len(op.steps) == 2 {
			return op.fails("credentials are deleted with DELETE /admin/identities/%s/credentials/%s", i.ID, t)
		}
	}
	var err error
	switch op.kind {
	case "add":
		err = document.add(op.steps, op.value)
	case "replace":
		err = document.replace(op.steps, op.value)
	case "remove":
		err = document.remove(op.steps)
	}
	if err != nil {
		return op.fails("%s", err)
	}
	return nil
}

// part is what of an identity an operation changes: a member, or one of the
// credentials.
func (op *operation) part() []string {
	if op.steps[0] == "credentials" {
		return op.steps[:2]
	}
	return op.steps[:1]
}

// take reads a part of the patched document back into the identity.
func take(i *auth.Identity, part []string, document *node, now time.Time) error {
	in, err := document.holder(part, false)
	if err != nil {
		return err
	}
	name := part[len(part)-1]
	value := in.record.get(name).bytes()
	if len(part) == 2 {
		return takeCredential(i, auth.CredentialType(name), value, now)
	}
	switch name {
	case "traits":
		i.Traits = value
	case "metadata_public":
		i.MetadataPublic = orNothing(value)
	case "metadata_admin":
		i.MetadataAdmin = orNothing(value)
	case "external_id":
		i.ExternalID, err = decoded[string](name, value)
	case "schema_id":
		i.SchemaID, err = decoded[string](name, value)
	case "organization_id":
		i.OrganizationID, err = decoded[uuid.NullUUID](name, value)
	case "delete_at":
		if string(value) != "" && string(value) != "null" {
			return auth.ErrPatch.Saying("When an account is deleted is for its owner to say: delete_at can be removed, and not set. Delete the identity instead.")
		}
		i.DeleteAt = nil
	case "state":
		if i.State, err = decoded[auth.State](name, value); err == nil && !i.State.Valid() {
			err = auth.ErrState
		}
	case "verifiable_addresses":
		var given []auth.VerifiableAddress
		given, err = decoded[[]auth.VerifiableAddress](name, value)
		takeAddresses(i, given, now)
	}
	return err
}

// decoded is a value that was patched; what was removed is the zero value.
func decoded[T any](name string, value json.RawMessage) (v T, err error) {
	if value == nil {
		return v, nil
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return v, auth.ErrPatch.Because(err).Saying("What the patch makes of %s cannot be used: it has another form.", name)
	}
	return v, nil
}

// takeAddresses takes from patched addresses what was proven of those that
// the identity has. Which ones it has follows from its traits.
func takeAddresses(i *auth.Identity, given []auth.VerifiableAddress, now time.Time) {
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		for _, g := range given {
			if g.ID == a.ID && (g.Verified != a.Verified || g.Status != a.Status) {
				a.Verified, a.Status, a.UpdatedAt = g.Verified, g.Status, now
				completeProof(a, now)
			}
		}
	}
}

// takeCredential takes the config of a patched credential.
func takeCredential(i *auth.Identity, t auth.CredentialType, value json.RawMessage, now time.Time) error {
	var members map[string]json.RawMessage
	var kind auth.CredentialType
	if json.Unmarshal(value, &members) != nil || json.Unmarshal(members["type"], &kind) != nil || kind != t {
		return auth.ErrPatch.Saying("The type of the credential %s cannot be changed.", t)
	}
	config := members["config"]
	if len(config) == 0 || config[0] != '{' {
		return auth.ErrPatch.Saying("The config of the credential %s must be an object.", t)
	}
	if t == auth.Password {
		if err := checkPassword(config); err != nil {
			return err
		}
	}
	i.SetCredential(t, config, now)
	return nil
}

// checkPassword refuses a config whose hash could never be checked.
func checkPassword(config json.RawMessage) error {
	var c PasswordConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return auth.ErrPatch.Because(err).Saying("The config of a password must be an object with hashed_password.")
	}
	if c.HashedPassword == "" {
		return nil
	}
	return checkHash(c.HashedPassword)
}

// maxDepth is how deep a patched identity may be nested: as deep as a body
// that replaces it.
const maxDepth = 64

// depth is how deep valid JSON is nested.
func depth(document []byte) (deepest int) {
	at, inText := 0, false
	for i := 0; i < len(document); i++ {
		switch c := document[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			at++
			deepest = max(deepest, at)
		case c == '}' || c == ']':
			at--
		}
	}
	return deepest
}
