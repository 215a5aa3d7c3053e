package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Order is how the nodes of one kind of flow are sorted: first by group, then
// within a group by key. User interfaces show the nodes as they come, so the
// order is part of the wire.
type Order struct {
	// Groups from first to last. A group that is not listed comes before all
	// that are. The name of a node can stand there too, for a place away from its
	// group.
	Groups []string
	// Keys from first to last. A key stands for the node of that name, or for
	// all nodes whose names begin with it.
	Keys []string
}

// LoginOrder is the order of the login form.
func LoginOrder() Order {
	return Order{
		Groups: []string{GroupOIDC, GroupDefault, GroupWebAuthn, GroupPasskey, GroupCode, GroupPassword, GroupTOTP, GroupLookupSecret},
		Keys:   []string{"csrf_token", "identifier", "password"},
	}
}

// LoginArrivalOrder is that in which the second step of a login in two steps is
// shown at first: what the first step had stays where it was, and what the person
// has follows. From then on LoginOrder holds.
func LoginArrivalOrder() Order {
	o := LoginOrder()
	o.Groups = []string{GroupOIDC, GroupDefault, GroupWebAuthn, "passkey_login", "passkey_challenge", GroupPassword, GroupCode, GroupPasskey}
	return o
}

// RegistrationOrder is the order of the registration form. traitNames are the
// names of the trait nodes ("traits.email") in the order of the schema
// document; the password follows the first of them.
func RegistrationOrder(traitNames []string) Order {
	keys := []string{"csrf_token"}
	if len(traitNames) > 0 {
		keys = append(keys, traitNames[0], "password")
		keys = append(keys, traitNames[1:]...)
	} else {
		keys = append(keys, "password")
	}
	return Order{
		Groups: []string{GroupOIDC, "saml", GroupDefault, GroupWebAuthn, GroupPasskey, GroupCode, GroupPassword, "captcha", GroupProfile},
		Keys:   append(keys, "webauthn_remove", "webauthn_register_displayname", "webauthn_register"),
	}
}

// SettingsOrder is the order of the settings form, with traitNames as in
// RegistrationOrder.
func SettingsOrder(traitNames []string) Order {
	keys := append([]string{"csrf_token"}, traitNames...)
	return Order{
		Groups: []string{GroupDefault, GroupProfile, GroupPassword, GroupOIDC, GroupLookupSecret, GroupWebAuthn, GroupPasskey, GroupTOTP},
		Keys: append(keys,
			"lookup_secret_reveal", "lookup_secret_regenerate", "lookup_secret_codes", "lookup_secret_confirm",
			"webauthn_remove", "webauthn_register_displayname", "webauthn_register",
			"passkey_remove", "passkey_register",
			"totp_qr", "totp_secret_key", "totp_unlink", "totp_code"),
	}
}

// rank is a node's place: what is compared, from left to right.
type rank struct {
	end   int // 1 for what comes after all others
	group int
	last  int // 1 for the submit button "method", which ends its group
	key   int
	value string
}

// Sort puts the nodes in order. Within a group, nodes without a key follow
// those with one, nodes named "method" end it, and nodes of the same place are
// ordered by their values (no value counts as "<nil>") or else stay as they
// were.
//
// The groups default and password are one group here, so that a password can
// stand among the traits, unless the form has nodes of a group between them.
func (c *Container) Sort(order Order) {
	first, second := slices.Index(order.Groups, GroupDefault), slices.Index(order.Groups, GroupPassword)
	merged := !slices.ContainsFunc(c.Nodes, func(n Node) bool {
		i := order.group(&n)
		return first < i && i < second
	})
	type ranked struct {
		rank rank
		node Node
	}
	nodes := make([]ranked, len(c.Nodes))
	for i, n := range c.Nodes {
		name := n.Name()
		r := rank{group: order.group(&n), key: order.key(name), value: fmt.Sprint(n.Attributes.Value)}
		if n.Last {
			r = rank{end: 1}
			nodes[i] = ranked{r, n}
			continue
		}
		if merged && r.group == second {
			r.group = first
		}
		if name == "method" {
			// Only its place at the end counts, so that several of them
			// stay in the order in which they were added.
			r.last, r.key, r.value = 1, 0, ""
		}
		nodes[i] = ranked{r, n}
	}
	slices.SortStableFunc(nodes, func(a, b ranked) int {
		return cmp.Or(
			cmp.Compare(a.rank.end, b.rank.end),
			cmp.Compare(a.rank.group, b.rank.group),
			cmp.Compare(a.rank.last, b.rank.last),
			cmp.Compare(a.rank.key, b.rank.key),
			cmp.Compare(a.rank.value, b.rank.value),
		)
	})
	for i := range nodes {
		c.Nodes[i] = nodes[i].node
	}
}

// group is the place of a node among the groups: its own, else that of its group.
func (o Order) group(n *Node) int {
	if i := slices.Index(o.Groups, n.Name()); i >= 0 {
		return i
	}
	return slices.Index(o.Groups, n.Group)
}

// key is the place of a name among the keys: its own, else that of the first
// key that it begins with, else after all of them.
func (o Order) key(name string) int {
	if i := slices.Index(o.Keys, name); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(o.Keys, func(k string) bool { return strings.HasPrefix(name, k) }); i >= 0 {
		return i
	}
	return len(o.Keys)
}
