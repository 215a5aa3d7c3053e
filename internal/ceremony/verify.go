package ceremony

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"zelus/internal/auth"
)

var (
	// ErrUnreadable says that what was sent is no answer of an authenticator.
	ErrUnreadable = errors.New("this is no answer of an authenticator")
	// ErrWrong says that an answer proves nothing here.
	ErrWrong = errors.New("the answer of the authenticator is not right")
	// ErrCopied says that an answer is right, but that there may be a copy of the
	// key: its counter has gone back (section 6.1.1).
	ErrCopied = errors.New("the counter of the key has gone back")
)

const (
	// maxAnswer bounds an answer in bytes: with certificates they have ten thousand.
	maxAnswer = 32 << 10
	// maxPublicKey bounds a public key in bytes. RSA with 8192 bits is half of it;
	// to check signatures of longer ones takes long.
	maxPublicKey = 2 << 10
	// maxTransports bounds what an authenticator says of how it is reached.
	maxTransports, maxTransport = 8, 32
)

// Register reads a new key out of an answer to the challenge (section 7.1).
// verify says that the authenticator must have checked who uses it.
func (p *Party) Register(answer string, challenge []byte, verify bool) (Key, error) {
	if len(answer) > maxAnswer {
		return Key{}, ErrUnreadable
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return Key{}, ErrUnreadable
	}
	made := &parsed.Response.AttestationObject.AuthData
	if len(made.AttData.CredentialPublicKey) > maxPublicKey || len(made.AttData.CredentialID) == 0 {
		return Key{}, ErrUnreadable
	}
	if err := p.from(parsed.Response.CollectedClientData.Origin); err != nil {
		return Key{}, err
	}
	if _, err := parsed.Verify(base64.RawURLEncoding.EncodeToString(challenge), p.ID, p.Origins, p.Apps, nil, protocol.TopOriginExplicitVerificationMode,
		false, verify, true, nil, parameters(), protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return Key{}, fmt.Errorf("%w: %s", ErrWrong, auth.Short(err.Error()))
	}
	if made.Flags.HasBackupState() && !made.Flags.HasBackupEligible() {
		return Key{}, fmt.Errorf("%w: it says to be backed up and not to be able to", ErrWrong)
	}
	k := Key{ID: made.AttData.CredentialID, PublicKey: made.AttData.CredentialPublicKey, AttestationType: parsed.Response.AttestationObject.Format,
		Authenticator: &Authenticator{AAGUID: made.AttData.AAGUID, SignCount: made.Counter},
		Flags: &Flags{UserPresent: made.Flags.HasUserPresent(), UserVerified: made.Flags.HasUserVerified(),
			BackupEligible: made.Flags.HasBackupEligible(), BackupState: made.Flags.HasBackupState()},
		DisplayName: modelName(made.AttData.AAGUID)}
	for _, t := range parsed.Response.Transports {
		if len(t) <= maxTransport && len(k.Transports) < maxTransports {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k, nil
}

// Answer is what an authenticator answers to who asks for a key: an assertion.
type Answer struct {
	parsed *protocol.ParsedCredentialAssertionData
}

// ReadAnswer reads an answer. Nothing of it is checked.
func ReadAnswer(text string) (*Answer, error) {
	if len(text) > maxAnswer {
		return nil, ErrUnreadable
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(text))
	if err != nil {
		return nil, ErrUnreadable
	}
	return &Answer{parsed}, nil
}

// UserHandle is whom the authenticator takes the person for; empty where it does
// not say.
func (a *Answer) UserHandle() []byte { return a.parsed.Response.UserHandle }

// Proof is a key that was used.
type Proof struct {
	// Key is the key after that.
	Key Key
	// Verified says that the authenticator has checked who used it this time.
	Verified bool
}

// Both says whether the proof is one of two factors: something that the person
// has, and something that they know or are. The authenticator must have checked
// who they are when the key was made, too.
func (p *Proof) Both() bool { return p.Verified && p.Key.Verifies() }

// use is what is stored of somebody's keys after the proof, of what is stored by now:
// others of them may have been used, added or renamed since it was checked. false where
// the key is gone, or its counter has come as far meanwhile (section 7.2 step 22).
func (p *Proof) use(now Config) (Config, bool) {
	at := now.find(p.Key.ID)
	if at < 0 || !bytes.Equal(now.Keys[at].PublicKey, p.Key.PublicKey) {
		return now, false
	}
	k := now.Keys[at]
	counted, holds := k.Authenticator.counted(p.Key.Authenticator.SignCount)
	k.Authenticator, k.Flags, k.LastUsedAt = counted, p.Key.Flags, p.Key.LastUsedAt
	return now.with(k), holds
}

// Prove sees that an answer to the challenge comes from one of somebody's keys
// (section 7.2). verify says that the authenticator must have checked who uses it.
// With ErrCopied the key of the proof has a warning, which is to be stored.
func (p *Party) Prove(a *Answer, challenge []byte, owner Config, verify bool) (Proof, error) {
	response := &a.parsed.Response
	if h := response.UserHandle; len(h) > 0 && !bytes.Equal(h, owner.UserHandle) {
		return Proof{}, fmt.Errorf("%w: it is from somebody else", ErrWrong)
	}
	at := owner.find(a.parsed.RawID)
	if at < 0 {
		return Proof{}, fmt.Errorf("%w: the key is not known", ErrWrong)
	}
	if err := p.from(response.CollectedClientData.Origin); err != nil {
		return Proof{}, err
	}
	k := owner.Keys[at]
	if err := a.parsed.Verify(base64.RawURLEncoding.EncodeToString(challenge), p.ID, "", p.Origins, p.Apps, nil, protocol.TopOriginExplicitVerificationMode,
		false, verify, true, k.PublicKey, protocol.SignaturePolicy{}); err != nil {
		return Proof{}, fmt.Errorf("%w: %s", ErrWrong, auth.Short(err.Error()))
	}
	said := response.AuthenticatorData.Flags
	flags := Flags{UserPresent: true, BackupEligible: said.HasBackupEligible()} // of a key that came without: those of its first use
	if k.Flags != nil {
		flags = *k.Flags
	}
	flags.BackupState = said.HasBackupState()
	if said.HasBackupEligible() != flags.BackupEligible || flags.BackupState && !flags.BackupEligible {
		return Proof{}, fmt.Errorf("%w: it says something else of backups than when it was made", ErrWrong)
	}
	k.Flags = &flags
	counted, onward := k.Authenticator.counted(response.AuthenticatorData.Counter)
	k.Authenticator = counted
	if !onward {
		return Proof{Key: k}, ErrCopied
	}
	return Proof{Key: k, Verified: said.HasUserVerified()}, nil
}

// counted is the authenticator after a use with this count, and whether the count has
// gone on. One that has not may be that of a copy (section 6.1.1).
func (a *Authenticator) counted(count uint32) (*Authenticator, bool) {
	var after Authenticator
	if a != nil { // it is nil for keys that were brought along
		after = *a
	}
	if (count != 0 || after.SignCount != 0) && count <= after.SignCount {
		after.CloneWarning = true
		return &after, false
	}
	after.SignCount = count
	return &after, true
}

// from says of an origin that is not ours which setting is to blame: it is the
// commonest mistake in setting up keys.
func (p *Party) from(origin string) error {
	if protocol.IsOriginInHaystack(origin, p.Origins) || protocol.IsOpaqueOriginInHaystack(origin, p.Apps) {
		return nil
	}
	return fmt.Errorf("%w: the origin %q is not among %s.origins", ErrWrong, auth.Short(origin), p.Setting)
}

// Named gives a new key its name, the person's own or that of the authenticator,
// and the time it was added.
func (k Key) Named(name string, at time.Time) Key {
	if name != "" {
		k.DisplayName = name
	}
	k.AddedAt = at
	return k
}
