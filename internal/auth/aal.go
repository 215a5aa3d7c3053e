package auth

import (
	"slices"
	"time"
)

// AAL is an authenticator assurance level: how strongly somebody has proven,
// or could prove, who they are (NIST SP 800-63B section 2).
type AAL string

// The levels in use. AAL0 means nothing was proven.
const (
	AAL0 AAL = "aal0"
	AAL1 AAL = "aal1"
	AAL2 AAL = "aal2"
)

// AtLeast says whether a is the same level as b or a stronger one.
func (a AAL) AtLeast(b AAL) bool { return a >= b }

// RequiredAAL is a configured demand on a session's level.
type RequiredAAL string

// The two demands that a configuration can make.
const (
	// RequireAAL1 is content with any proof.
	RequireAAL1 RequiredAAL = "aal1"
	// RequireHighest asks for the highest level that the person can reach:
	// whoever has set up a second factor must have used it.
	RequireHighest RequiredAAL = "highest_available"
)

// Met says whether a session of level has satisfies the demand for somebody
// who could reach level available.
func (r RequiredAAL) Met(has, available AAL) bool {
	if r == RequireHighest && available.AtLeast(AAL2) {
		return has.AtLeast(AAL2)
	}
	return has.AtLeast(AAL1)
}

// AMR is one entry of a session's list of authentication methods: which
// method was used, what it is worth, and when it was completed.
type AMR struct {
	Method       string    `json:"method"`
	AAL          AAL       `json:"aal"`
	CompletedAt  time.Time `json:"completed_at"`
	Provider     string    `json:"provider,omitempty"`
	Organization string    `json:"organization,omitempty"`
	// Both says of a key that it was two factors in one: it is the person's, and has
	// verified them (see Policy.Both). It is stored and not on the wire, see AMRs.wire.
	Both bool `json:"both,omitempty"`
}

// LevelOf is the one table that turns completed methods into a level:
// nothing is aal0; a first and a second factor together are aal2; a social
// or SAML sign-in whose provider vouched for two factors is aal2 by itself, and
// so is a key that says of itself that it was both; everything else is aal1, a
// security key that was used as a second factor among that.
func LevelOf(done []AMR) AAL {
	var first, second bool
	for _, m := range done {
		switch m.AAL {
		case AAL1:
			first = true
		case AAL2:
			second = true
			if m.Both || m.Method == "oidc" || m.Method == "saml" {
				return AAL2
			}
		}
	}
	switch {
	case first && second:
		return AAL2
	case first || second:
		return AAL1
	}
	return AAL0
}

// Fresh says whether a level was proven after a time: for aal2 by a second factor,
// or by what is two in one; for less by anything.
func Fresh(done []AMR, level AAL, since time.Time) bool {
	return slices.ContainsFunc(done, func(m AMR) bool { return m.CompletedAt.After(since) && (!level.AtLeast(AAL2) || m.AAL.AtLeast(AAL2)) })
}

// Factors is a set of the kinds of proof that somebody has set up. The numbers
// are stored: new ones come at the end.
type Factors int64

// The factors. What they count for is a Policy's to say.
const (
	FactorPassword Factors = 1 << iota
	FactorSocial
	FactorCode
	FactorPasskey
	// FactorKeyAlone is a security key that was set up to sign in without anything
	// else, FactorKey one that was set up beside a first factor.
	FactorKeyAlone
	FactorKey
	FactorTOTP
	FactorLookupSecret
	// FactorVerifiedPasskey and FactorVerifiedKey are those that check who uses
	// them, by a PIN or a finger: user verification (W3C WebAuthn section 6.1).
	FactorVerifiedPasskey
	FactorVerifiedKey
	// FactorTextedCode is a code for a phone, which counts where phones can be
	// reached; FactorCode is one by mail.
	FactorTextedCode
)

// Policy says what the configuration lets factors count for. Those of a method
// that is switched off count for nothing: nobody is asked for what they cannot
// use.
type Policy struct {
	// First sign somebody in.
	First Factors
	// Second complete a first factor.
	Second Factors
	// Both are two factors in one.
	Both Factors
	// ByAddress says that an address which somebody has proven completes a first
	// factor where they have no second one.
	ByAddress bool
}

// With is what this policy and another one let count together.
func (p Policy) With(o Policy) Policy {
	return Policy{p.First | o.First, p.Second | o.Second, p.Both | o.Both, p.ByAddress || o.ByAddress}
}

// Available is the highest level that somebody with these factors can reach.
func (p Policy) Available(has Factors) AAL {
	switch {
	case has&(p.Second|p.Both) != 0:
		return AAL2
	case has&p.First != 0:
		return AAL1
	}
	return AAL0
}

// Due is the level that is asked of somebody's session where the highest is that
// they can reach. In a device that they trust it is that of a first factor.
func (p Policy) Due(has Factors, trusted bool) AAL {
	if trusted {
		return AAL1
	}
	return p.Available(has)
}

// StepUpPath is where a browser proves a second factor, below the public base URL.
const StepUpPath = "self-service/login/browser?aal=aal2"
