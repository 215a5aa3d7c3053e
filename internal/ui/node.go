package ui

import (
	"encoding/json"
)

// Groups of nodes, as the wire names them.
const (
	GroupDefault         = "default"
	GroupPassword        = "password"
	GroupOIDC            = "oidc"
	GroupProfile         = "profile"
	GroupLink            = "link"
	GroupCode            = "code"
	GroupTOTP            = "totp"
	GroupLookupSecret    = "lookup_secret"
	GroupWebAuthn        = "webauthn"
	GroupPasskey         = "passkey"
	GroupIdentifierFirst = "identifier_first"
)

// Types of nodes.
const (
	NodeInput  = "input"
	NodeText   = "text"
	NodeImage  = "img"
	NodeAnchor = "a"
	NodeScript = "script"
	NodeDiv    = "div"
)

// Types of input nodes.
const (
	InputText     = "text"
	InputPassword = "password"
	InputNumber   = "number"
	InputCheckbox = "checkbox"
	InputHidden   = "hidden"
	InputEmail    = "email"
	InputTel      = "tel"
	InputSubmit   = "submit"
	InputButton   = "button"
	InputDateTime = "datetime-local"
	InputDate     = "date"
	InputURL      = "url"
)

// Container is a form: where it goes, its fields and what is said above them.
type Container struct {
	Action   string    `json:"action"`
	Method   string    `json:"method"`
	Nodes    []Node    `json:"nodes"`
	Messages []Message `json:"messages,omitempty"`
}

// Node is one element of a form.
type Node struct {
	Type       string     `json:"type"`
	Group      string     `json:"group"`
	Attributes Attributes `json:"attributes"`
	Messages   []Message  `json:"messages"`
	Meta       Meta       `json:"meta"`

	// Secret says that the node is stored encrypted only: it shows what lets
	// somebody in.
	Secret bool `json:"-"`
	// Last says that the node comes after all others, whatever the order.
	Last bool `json:"-"`
}

// Meta holds the label of a node.
type Meta struct {
	Label *Message `json:"label,omitempty"`
}

// Attributes are those of any node type; which of them are on the wire follows
// from the type (see MarshalJSON).
type Attributes struct {
	NodeType string `json:"node_type"`

	// input
	Name           string   `json:"name,omitempty"`
	Type           string   `json:"type,omitempty"`
	Value          any      `json:"value,omitempty"` // nil: none; an empty string is a value
	Required       bool     `json:"required,omitempty"`
	Autocomplete   string   `json:"autocomplete,omitempty"`
	Pattern        string   `json:"pattern,omitempty"`
	Disabled       bool     `json:"disabled,omitempty"`
	OnClick        string   `json:"onclick,omitempty"`
	OnClickTrigger string   `json:"onclickTrigger,omitempty"`
	OnLoad         string   `json:"onload,omitempty"`
	OnLoadTrigger  string   `json:"onloadTrigger,omitempty"`
	MaxLength      int      `json:"maxlength,omitempty"`
	Options        []Option `json:"options,omitempty"`

	// all others
	ID             string            `json:"id,omitempty"`
	Text           *Message          `json:"text,omitempty"`
	Source         string            `json:"src,omitempty"`
	Width          int               `json:"width,omitempty"`
	Height         int               `json:"height,omitempty"`
	Href           string            `json:"href,omitempty"`
	Title          *Message          `json:"title,omitempty"`
	Async          bool              `json:"async,omitempty"`
	ReferrerPolicy string            `json:"referrerpolicy,omitempty"`
	CrossOrigin    string            `json:"crossorigin,omitempty"`
	Integrity      string            `json:"integrity,omitempty"`
	Nonce          string            `json:"nonce,omitempty"`
	Class          string            `json:"class,omitempty"`
	Data           map[string]string `json:"data,omitempty"`
}

// Option is one value of an enumeration.
type Option struct {
	Value any `json:"value"`
}

// MarshalJSON writes the attributes that the node type has, in the order and
// with the presence that clients rely on: an input always says whether it is
// disabled, a script always has all of its fields.
func (a Attributes) MarshalJSON() ([]byte, error) {
	switch a.NodeType {
	case NodeInput:
		return json.Marshal(struct {
			Name           string   `json:"name"`
			Type           string   `json:"type"`
			Value          any      `json:"value,omitempty"`
			Required       bool     `json:"required,omitempty"`
			Autocomplete   string   `json:"autocomplete,omitempty"`
			Pattern        string   `json:"pattern,omitempty"`
			Disabled       bool     `json:"disabled"`
			OnClick        string   `json:"onclick,omitempty"`
			OnClickTrigger string   `json:"onclickTrigger,omitempty"`
			OnLoad         string   `json:"onload,omitempty"`
			OnLoadTrigger  string   `json:"onloadTrigger,omitempty"`
			MaxLength      int      `json:"maxlength,omitempty"`
			Options        []Option `json:"options,omitempty"`
			NodeType       string   `json:"node_type"`
		}{a.Name, a.Type, a.Value, a.Required, a.Autocomplete, a.Pattern, a.Disabled, a.OnClick, a.OnClickTrigger,
			a.OnLoad, a.OnLoadTrigger, a.MaxLength, a.Options, a.NodeType})
	case NodeImage:
		return json.Marshal(struct {
			Source   string `json:"src"`
			ID       string `json:"id"`
			Width    int    `json:"width"`
			Height   int    `json:"height"`
			NodeType string `json:"node_type"`
		}{a.Source, a.ID, a.Width, a.Height, a.NodeType})
	case NodeAnchor:
		return json.Marshal(struct {
			Href     string   `json:"href"`
			Title    *Message `json:"title"`
			ID       string   `json:"id"`
			NodeType string   `json:"node_type"`
		}{a.Href, a.Title, a.ID, a.NodeType})
	case NodeText:
		return json.Marshal(struct {
			Text     *Message `json:"text"`
			ID       string   `json:"id"`
			NodeType string   `json:"node_type"`
		}{a.Text, a.ID, a.NodeType})
	case NodeScript:
		return json.Marshal(struct {
			Source         string `json:"src"`
			Async          bool   `json:"async"`
			ReferrerPolicy string `json:"referrerpolicy"`
			CrossOrigin    string `json:"crossorigin"`
			Integrity      string `json:"integrity"`
			Type           string `json:"type"`
			ID             string `json:"id"`
			Nonce          string `json:"nonce"`
			NodeType       string `json:"node_type"`
		}{a.Source, a.Async, a.ReferrerPolicy, a.CrossOrigin, a.Integrity, a.Type, a.ID, a.Nonce, a.NodeType})
	}
	return json.Marshal(struct {
		Class    string            `json:"class,omitempty"`
		ID       string            `json:"id"`
		Data     map[string]string `json:"data,omitempty"`
		NodeType string            `json:"node_type"`
	}{a.Class, a.ID, a.Data, a.NodeType})
}

// Input makes an input node without label.
func Input(group, name, kind string, value any) Node {
	return Node{Type: NodeInput, Group: group, Messages: []Message{},
		Attributes: Attributes{NodeType: NodeInput, Name: name, Type: kind, Value: value}}
}

// Link makes a node that leads elsewhere. Its label says so too.
func Link(group, id, to string, title Message) Node {
	return Node{Type: NodeAnchor, Group: group, Messages: []Message{}, Meta: Meta{Label: &title},
		Attributes: Attributes{NodeType: NodeAnchor, Href: to, Title: &title, ID: id}}
}

// Text makes a node that says something.
func Text(group, id string, text Message) Node {
	return Node{Type: NodeText, Group: group, Messages: []Message{}, Attributes: Attributes{NodeType: NodeText, Text: &text, ID: id}}
}

// Image makes a square picture, with the length of its sides in pixels.
func Image(group, id, source string, side int) Node {
	return Node{Type: NodeImage, Group: group, Messages: []Message{},
		Attributes: Attributes{NodeType: NodeImage, Source: source, ID: id, Width: side, Height: side}}
}

// Script makes a node for a script that the page is to load: as one of another
// origin, without telling it which page that is, and only if its content is the one
// with this hash (W3C Subresource Integrity). The nonce is for the page's own policy.
func Script(group, id, source, integrity, nonce string) Node {
	return Node{Type: NodeScript, Group: group, Messages: []Message{}, Attributes: Attributes{NodeType: NodeScript, Source: source, Async: true,
		ReferrerPolicy: "no-referrer", CrossOrigin: "anonymous", Integrity: integrity, Type: "text/javascript", ID: id, Nonce: nonce}}
}

// Button makes a button that sends the form with this field.
func Button(group, name string, value any, label Message) Node {
	return Input(group, name, InputSubmit, value).Labelled(label)
}

// Labelled returns the node with a label.
func (n Node) Labelled(m Message) Node {
	n.Meta.Label = &m
	return n
}

// Required returns the node as one that must be filled in.
func (n Node) Required() Node {
	n.Attributes.Required = true
	return n
}

// Autocomplete returns the node with a hint for password managers and
// autofill (WHATWG HTML, section "Autofill").
func (n Node) Autocomplete(hint string) Node {
	n.Attributes.Autocomplete = hint
	return n
}

// OnClick returns the node with what the page does when it is clicked: the name of
// a function that the page's script has, and a call of it for pages that run what
// stands in a form; empty where the client is no page.
func (n Node) OnClick(function, call string) Node {
	n.Attributes.OnClickTrigger, n.Attributes.OnClick = function, call
	return n
}

// OnLoad is OnClick for when the page is loaded.
func (n Node) OnLoad(function, call string) Node {
	n.Attributes.OnLoadTrigger, n.Attributes.OnLoad = function, call
	return n
}

// Name is what identifies a node in its form: the name of an input, the id of
// everything else.
func (n *Node) Name() string {
	if n.Type == NodeInput {
		return n.Attributes.Name
	}
	return n.Attributes.ID
}

// Find returns the first node of that name, or nil. The pointer is into the
// container.
func (c *Container) Find(name string) *Node {
	for i := range c.Nodes {
		if c.Nodes[i].Name() == name {
			return &c.Nodes[i]
		}
	}
	return nil
}

// Put replaces the node of the same name, or appends it. Submit buttons are told
// apart by their value too: a form has several called "method".
func (c *Container) Put(n Node) {
	for i := range c.Nodes {
		have := &c.Nodes[i]
		if have.Name() != n.Name() {
			continue
		}
		if n.Attributes.Type == InputSubmit && have.Attributes.Value != n.Attributes.Value {
			continue
		}
		*have = n
		return
	}
	c.Nodes = append(c.Nodes, n)
}

// Add appends nodes, also those that are there under the same name.
func (c *Container) Add(nodes ...Node) { c.Nodes = append(c.Nodes, nodes...) }

// SetValue sets the value of the input of that name, where there is one.
func (c *Container) SetValue(name string, value any) {
	if n := c.Find(name); n != nil {
		n.Attributes.Value = value
	}
}

// Say adds a message above the form.
func (c *Container) Say(m Message) { c.Messages = append(c.Messages, m) }

// SayAt adds a message to the field of that name. A field that the form does
// not have is added as a text input, so that no message is ever lost; an
// empty name means above the form.
func (c *Container) SayAt(name string, m Message) {
	if name == "" {
		c.Say(m)
		return
	}
	n := c.Find(name)
	if n == nil {
		c.Nodes = append(c.Nodes, Input(GroupDefault, name, InputText, nil))
		n = &c.Nodes[len(c.Nodes)-1]
	}
	n.Messages = append(n.Messages, m)
}

// Quiet removes all messages that came from an earlier submission.
func (c *Container) Quiet() {
	c.Messages = nil
	for i := range c.Nodes {
		c.Nodes[i].Messages = []Message{}
	}
}
