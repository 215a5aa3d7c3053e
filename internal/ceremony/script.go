package ceremony

import (
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
)

// Script is what sign-in pages load to use security keys and passkeys. Its
// functions are those that the triggers of nodes name (ui.Node). It is the same
// for everybody.
//
//go:embed webauthn.js
var Script []byte

// ScriptPath is where the public server has Script.
const ScriptPath = "/.well-known/ory/webauthn.js"

// Integrity is the hash of Script as an element <script> states it, so that a
// browser runs nothing else (W3C Subresource Integrity, section 3.5).
var Integrity = integrity()

func integrity() string {
	sum := sha512.Sum512(Script)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}
