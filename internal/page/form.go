package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"zelus/internal/schema"
	"zelus/internal/ui"
)

// A flow is one form on the wire, with the nodes of all methods. On a page each method
// has a <form> of its own, so that Enter does what the field is for, and what one method
// requires never holds up another. Fields of the group default belong to all methods: they
// stand in the form of the first that needs them, or before all (apart), and in those of
// the others only for browsers without JavaScript, where nothing could copy them on
// (item.Mirrored).

// form is one <form>: one thing to do.
type form struct {
	ID, Group      string
	Action, Method string
	Hidden         []hidden
	Items          []item
	Buttons        []button
	// Scripted forms need JavaScript, and are hidden without.
	Scripted bool
	// Removal asks before the form takes something away; nil for other forms.
	Removal *removal
	// Back leads to an earlier step. Aside is something to do besides what the group is
	// for.
	Back, Aside bool
	// Folded forms are shown when somebody asks for them.
	Folded bool
}

// Open says whether a folded form is shown at once: something is wrong with it.
func (f *form) Open() bool {
	return slices.ContainsFunc(f.Items, func(i item) bool { return i.Invalid })
}

// Bare forms have nothing to send: what they show leads elsewhere by itself.
func (f *form) Bare() bool { return len(f.Buttons) == 0 && !f.Invisible() }

// Invisible forms are for scripts alone.
func (f *form) Invisible() bool { return len(f.Buttons) == 0 && len(f.Items) == 0 }

type hidden struct {
	Name, Value string
	OnLoad      string // the function that the page calls when it is loaded
	Username    bool   // it tells password managers whose password this is
}

// item is one thing between the beginning of a form and its buttons.
type item struct {
	*speaker
	Kind string // input, password, checkbox, select, text, secret, codes, image, link

	ID, Name, Type, Value               string
	Label                               template.HTML
	Autocomplete, InputMode, EnterKey   string
	Required, Optional, Disabled        bool
	Checked, Autofocus, Mirrored, Typed bool
	Shared                              bool   // it belongs to all methods
	Form                                string // the id of the form that it belongs to; empty for the one around it
	Code                                bool   // it is copied from somewhere
	Options                             []option
	Hint                                template.HTML
	Errors                              []template.HTML
	Invalid                             bool

	Text   template.HTML
	Plain  string // of a secret, to be copied
	Codes  []codeLine
	File   template.URL // the codes as a file
	To     template.URL // of a link
	Source template.URL
	Width  int
}

// DescribedBy are the ids of what is said about a field.
func (i item) DescribedBy() string {
	var ids []string
	if len(i.Errors) > 0 {
		ids = append(ids, i.ID+"-error")
	}
	if i.Hint != "" {
		ids = append(ids, i.ID+"-hint")
	}
	return strings.Join(ids, " ")
}

type option struct {
	Value    string
	Selected bool
}

// codeLine is one backup code.
type codeLine struct {
	Code string
	Used bool
}

type button struct {
	Name, Value string
	Label       template.HTML
	Call        string // the function of the script that acts
	Primary     bool   // what the page is for
	Fallback    bool   // what it is for without JavaScript
	Disabled    bool
	Wait        int // seconds until it is of use
}

// removal is what a form asks before it takes something away.
type removal struct {
	What     template.HTML // what it is called; empty where there is only one
	Added    string
	Used     string
	Rename   *rename // nil for what has no name of its owner's choice
	Short    string  // what a button says beside What
	Question string
	Denied   string // why it cannot be; empty where it can
}

// builder makes forms of a flow.
type builder struct {
	*speaker
	action, method string
	shared         []ui.Node // of the group default
	groups         []group
	scripts        []script
	// usernames are the traits by which people sign in, the first one first.
	usernames []string
	// username is what somebody signs in with, where the form does not have it.
	username string
	// owned says that the form is of somebody's account, and changes it.
	owned bool
	// minimum is the length of a new password, in characters.
	minimum int
	// alone are the groups that need no shared fields.
	alone map[string]bool
	// sent is how long ago something was sent.
	sent time.Duration

	shown    bool // the shared fields are in a form already
	problems []problem
}

// group is the nodes of one group, in their order.
type group struct {
	name  string
	nodes []ui.Node
}

// resendAfter is how long somebody should wait before they have something sent again.
const resendAfter = 30 * time.Second

// read takes a container apart.
func (b *builder) read(c *ui.Container) {
	b.action, b.method = c.Action, strings.ToLower(c.Method)
	for _, n := range c.Nodes {
		switch {
		case n.Type == ui.NodeScript:
			b.scripts = append(b.scripts, script{n.Attributes.Source, n.Attributes.Integrity})
		case n.Group == ui.GroupDefault:
			b.shared = append(b.shared, n)
		default:
			at := slices.IndexFunc(b.groups, func(g group) bool { return g.name == n.Group })
			if at < 0 {
				at = len(b.groups)
				b.groups = append(b.groups, group{name: n.Group})
			}
			b.groups[at].nodes = append(b.groups[at].nodes, n)
		}
	}
	// What is only remembered belongs to all: who somebody is, in the second of two steps.
	b.groups = slices.DeleteFunc(b.groups, func(g group) bool {
		if slices.ContainsFunc(g.nodes, func(n ui.Node) bool { return n.Attributes.Type != ui.InputHidden || n.Attributes.OnLoadTrigger != "" }) {
			return false
		}
		b.shared = append(b.shared, g.nodes...)
		return true
	})
}

// rank sorts the groups. Those that by does not name follow. With touch, what takes one
// touch comes before all that is typed.
func (b *builder) rank(by []string, touch bool) {
	rankOf := func(g group) int {
		at := slices.Index(by, g.name)
		switch {
		case at < 0:
			return len(by)
		case touch && g.scripted():
			return at - len(by)
		}
		return at
	}
	slices.SortStableFunc(b.groups, func(a, c group) int { return cmp.Compare(rankOf(a), rankOf(c)) })
}

// scripted says whether a group can only be used with JavaScript.
func (g group) scripted() bool {
	triggers := false
	for i := range g.nodes {
		a := &g.nodes[i].Attributes
		if a.Type == ui.InputSubmit && !removes(a.Name) {
			return false
		}
		triggers = triggers || a.Type == ui.InputButton
	}
	return triggers
}

// forms makes the forms of a group: first the one that it is for, then what else can be
// done there.
func (b *builder) forms(g group) []*form {
	main := &form{ID: slug(g.name), Group: g.name, Action: b.action, Method: b.method, Scripted: g.scripted()}
	var kept []hidden
	var visible []ui.Node
	var submits []ui.Node
	for _, n := range append(slices.Clone(b.shared), g.nodes...) {
		switch {
		case n.Type == ui.NodeInput && n.Attributes.Type == ui.InputHidden:
			kept = append(kept, hidden{Name: n.Attributes.Name, Value: textOf(n.Attributes.Value), OnLoad: n.Attributes.OnLoadTrigger})
			b.complain(n)
		case n.Type == ui.NodeInput && (n.Attributes.Type == ui.InputSubmit || n.Attributes.Type == ui.InputButton):
			submits = append(submits, n)
			b.complain(n)
		case n.Group != ui.GroupDefault:
			visible = append(visible, n)
		}
	}
	main.Hidden = kept
	fields := slices.ContainsFunc(visible, func(n ui.Node) bool { return n.Type == ui.NodeInput })
	mine := chosen(submits)
	var others []*form
	for i := range submits {
		n := &submits[i]
		if !aside(n) && (!fields || i == mine) {
			main.Buttons = append(main.Buttons, b.button(n))
			continue
		}
		others = append(others, b.other(g, n, len(others), kept))
	}
	if len(main.Buttons) > 0 && !b.alone[g.name] {
		b.share(main)
	}
	for _, n := range visible {
		main.Items = append(main.Items, b.item(main.ID, n))
	}
	b.addUsername(main)
	if main.Invisible() && len(kept) > 0 && !slices.ContainsFunc(kept, func(h hidden) bool { return h.OnLoad != "" }) {
		return others
	}
	return append([]*form{main}, others...)
}

// chosen is which of several buttons is for the fields beside them; -1 where none is.
func chosen(submits []ui.Node) int {
	at := -1
	for i := range submits {
		if n := &submits[i]; !aside(n) && (at < 0 || n.Attributes.Type == ui.InputButton || n.Attributes.Name == "method") {
			at = i
		}
	}
	return at
}

// share puts the visible fields that belong to all methods into a form.
func (b *builder) share(f *form) {
	again := b.shown
	for _, n := range b.shared {
		if n.Attributes.Type == ui.InputHidden || n.Attributes.Type == ui.InputSubmit || n.Attributes.Type == ui.InputButton {
			continue
		}
		it := b.item(f.ID, n)
		it.Shared, it.Mirrored = true, again
		f.Items = append(f.Items, it)
		b.shown = true
	}
}

// apart takes the shared fields out of the forms where the first that has them needs
// JavaScript and a later one does not. They stand before all forms and belong to the later
// one, so that Enter there sends what was typed, and starts nothing else.
func apart(forms []*form) (shared []item) {
	shares := func(f *form) bool { return slices.ContainsFunc(f.Items, func(i item) bool { return i.Shared }) }
	first := slices.IndexFunc(forms, shares)
	plain := slices.IndexFunc(forms, func(f *form) bool { return shares(f) && !f.Scripted })
	if first < 0 || plain <= first {
		return nil
	}
	for i := range forms[first].Items {
		it := &forms[first].Items[i]
		it.Mirrored = it.Shared
	}
	owner := forms[plain]
	owner.Items = slices.DeleteFunc(owner.Items, func(it item) bool {
		if it.Shared {
			it.Mirrored, it.Form = false, owner.ID
			shared = append(shared, it)
		}
		return it.Shared
	})
	return shared
}

// itemsOf are all items of a page, in their order.
func itemsOf(shared []item, forms []*form) (all []*item) {
	for i := range shared {
		all = append(all, &shared[i])
	}
	for _, f := range forms {
		for i := range f.Items {
			all = append(all, &f.Items[i])
		}
	}
	return all
}

// aside says whether a button is for something else than the fields beside it.
func aside(n *ui.Node) bool { return removes(n.Attributes.Name) || resends(n) || goesBack(n) }

// other is the form of a button that needs no fields.
func (b *builder) other(g group, n *ui.Node, number int, kept []hidden) *form {
	f := &form{ID: slug(g.name) + "-" + slug(n.Attributes.Name), Group: g.name, Action: b.action, Method: b.method, Back: goesBack(n), Aside: true,
		Buttons: []button{b.button(n)}}
	if number > 0 {
		f.ID += "-" + strconv.Itoa(number+1)
	}
	for _, h := range kept {
		if h.OnLoad == "" && h.Name != n.Attributes.Name {
			f.Hidden = append(f.Hidden, h)
		}
	}
	if resends(n) {
		f.Buttons[0].Wait = min(max(int((resendAfter-b.sent)/time.Second), 0), int(resendAfter/time.Second))
	}
	if removes(n.Attributes.Name) {
		f.Removal = b.removal(n)
	}
	return f
}

func (b *builder) removal(n *ui.Node) *removal {
	r := &removal{Short: b.T("remove"), Question: b.T(cmp.Or(questions[n.Attributes.Name], "remove.question"))}
	if n.Meta.Label != nil {
		if what, ok := n.Meta.Label.Context["display_name"].(string); ok {
			r.What = isolated(what)
		}
		r.Added = b.since(n.Meta.Label.Context["added_at"])
	}
	if n.Attributes.Disabled {
		r.Denied = b.T("remove.last")
	}
	return r
}

// since is the date of something that was added.
func (b *builder) since(added any) string {
	text, _ := added.(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 2000 { // keys of other servers may lack it
		return ""
	}
	return b.T("settings.added", "date", b.Day(at))
}

func (b *builder) button(n *ui.Node) button {
	label := template.HTML("")
	if n.Meta.Label != nil {
		label = b.sayInGroup(*n.Meta.Label, n.Group)
	}
	return button{Name: n.Attributes.Name, Value: textOf(n.Attributes.Value), Label: label, Call: n.Attributes.OnClickTrigger, Disabled: n.Attributes.Disabled}
}

// complain keeps what is said at a node that is no field.
func (b *builder) complain(n ui.Node) {
	for _, m := range n.Messages {
		p := problem{Text: b.sayOfField(m, n)}
		if m.Type == ui.Error && !slices.Contains(b.problems, p) {
			b.problems = append(b.problems, p)
		}
	}
}

// sayOfField is a message about a field, which it names as its label does.
func (b *builder) sayOfField(m ui.Message, n ui.Node) template.HTML {
	if m.ID == ui.ErrorRequired && n.Meta.Label != nil && n.Meta.Label.Text != "" {
		m = ui.Say(ui.ErrorRequired, "property", b.Message(*n.Meta.Label).String())
	}
	return b.sayInGroup(m, n.Group)
}

// sayInGroup is a message as it is said in a group.
func (b *builder) sayInGroup(m ui.Message, group string) template.HTML {
	if key := nearer[inGroup{m.ID, group}]; key != "" {
		return b.H(key)
	}
	return b.Say(m)
}

// addUsername tells password managers whose password a form is about (Chromium's
// design documents, "Password Form Styles that Chromium Understands").
func (b *builder) addUsername(f *form) {
	if !slices.ContainsFunc(f.Items, func(i item) bool { return i.Kind == "password" }) ||
		slices.ContainsFunc(f.Items, func(i item) bool { return i.Autocomplete == "username" }) {
		return
	}
	for i := range f.Hidden {
		if h := &f.Hidden[i]; h.Name == "identifier" || slices.Contains(b.usernames, h.Name) {
			f.Hidden = slices.Clone(f.Hidden)
			f.Hidden[i].Username = true
			return
		}
	}
	if b.username != "" {
		f.Hidden = append(slices.Clip(f.Hidden), hidden{Value: b.username, Username: true})
	}
}

// item makes what is shown of a node.
func (b *builder) item(form string, n ui.Node) item {
	a := &n.Attributes
	it := item{speaker: b.speaker, ID: slug(form) + "-" + slug(n.Name()), Name: a.Name, Label: b.label(n)}
	switch n.Type {
	case ui.NodeText:
		b.text(&it, n)
	case ui.NodeImage:
		it.Kind, it.Source, it.Width = "image", template.URL(a.Source), a.Width
		if !strings.HasPrefix(a.Source, "data:image/png;base64,") {
			it.Source = ""
		}
	case ui.NodeAnchor:
		it.Kind, it.To = "link", linkTo(a.Href)
		if a.Title != nil {
			it.Label = b.Say(*a.Title)
		}
	case ui.NodeInput:
		b.field(&it, n)
	default:
		it.Kind = "nothing"
	}
	return it
}

// field makes what is shown of a field.
func (b *builder) field(it *item, n ui.Node) {
	a, h := &n.Attributes, hints[n.Attributes.Name]
	it.Kind, it.Type, it.Value, it.Required, it.Disabled = "input", a.Type, textOf(a.Value), a.Required, a.Disabled
	it.Autocomplete, it.InputMode, it.EnterKey, it.Code = cmp.Or(h.autocomplete, a.Autocomplete), h.inputMode, h.enterKey, h.code
	it.Typed = strings.HasPrefix(a.Name, "traits.")
	it.Optional = it.Typed && !a.Required && a.Type != ui.InputCheckbox && !a.Disabled
	switch {
	case len(a.Options) > 0:
		it.Kind = "select"
		for _, o := range a.Options {
			text := textOf(o.Value)
			it.Options = append(it.Options, option{text, text == it.Value})
		}
	case a.Type == ui.InputCheckbox:
		it.Kind, it.Checked, it.Value = "checkbox", it.Value == "true", "true"
	case a.Type == ui.InputPassword:
		it.Kind, it.Value = "password", ""
		if b.owned && a.Autocomplete == "new-password" {
			it.Label = b.H("label.new_password")
		}
		if a.Autocomplete == "new-password" && b.minimum > 0 {
			it.Hint = template.HTML(template.HTMLEscapeString(b.T("hint.password", "n", b.minimum)))
		}
	case a.Type == ui.InputDateTime:
		// A browser leaves the zone out, without which it is no date-time (RFC 3339).
		it.Type, it.Hint = ui.InputText, template.HTML(template.HTMLEscapeString(b.T("hint.datetime")))
	}
	b.naming(it, n)
	for _, m := range n.Messages {
		it.Errors = append(it.Errors, b.sayOfField(m, n))
		it.Invalid = it.Invalid || m.Type == ui.Error
	}
}

// naming tells the browser of a field in which somebody says who they are.
func (b *builder) naming(it *item, n ui.Node) {
	a := &n.Attributes
	if a.Autocomplete == "username webauthn" {
		it.Autocomplete = a.Autocomplete
	}
	if len(b.usernames) > 0 && a.Name == b.usernames[0] {
		it.Autocomplete = "username"
	}
	if a.Name == "identifier" && it.Value == "" {
		it.Value = b.username
	}
	if a.Name == "identifier" && n.Meta.Label != nil {
		switch {
		case strings.Contains(strings.ToLower(n.Meta.Label.Text), "mail"):
			it.InputMode = "email"
		case n.Meta.Label.ID == ui.LabelPhone:
			it.InputMode = "tel"
		}
	}
}

func (b *builder) label(n ui.Node) template.HTML {
	if n.Meta.Label != nil && n.Meta.Label.Text != "" {
		return b.Say(*n.Meta.Label)
	}
	if n.Type != ui.NodeInput {
		return ""
	}
	name := n.Attributes.Name[strings.LastIndexByte(n.Attributes.Name, '.')+1:]
	return isolated(name)
}

// text makes what is shown of a text: backup codes as a list, a secret so that it can be
// copied.
func (b *builder) text(it *item, n ui.Node) {
	m := n.Attributes.Text
	if m == nil {
		it.Kind = "nothing"
		return
	}
	it.Kind, it.Text = "text", b.Say(*m)
	switch m.ID {
	case ui.InfoLookupSecrets:
		it.Kind = "codes"
		var lines []string
		for _, c := range ui.Messages(m.Context["secrets"]) {
			secret, _ := c.Context["secret"].(string)
			it.Codes = append(it.Codes, codeLine{Code: cmp.Or(secret, b.Message(c).String()), Used: secret == ""})
			if secret != "" {
				lines = append(lines, secret)
			}
		}
		it.Plain = strings.Join(lines, "\n")
		// The marks that a URL gives a meaning of its own are none of these codes'.
		it.File = template.URL("data:text/plain;charset=utf-8," + strings.ReplaceAll(template.URLQueryEscaper(it.Plain+"\n"), "+", "%20"))
	case ui.InfoTOTPSecret:
		it.Kind, it.Plain = "secret", m.Text
		it.Text = template.HTML(template.HTMLEscapeString(inFours(m.Text)))
	}
}

// inFours is a long secret as people can type it.
func inFours(text string) string {
	var out strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// tie ties what is said above a form to the fields that it is about, and lists all that
// is wrong.
func (b *builder) tie(messages []ui.Message, items []*item) []problem {
	var problems []problem
	for _, m := range messages {
		if m.Type != ui.Error {
			continue
		}
		p := problem{Text: b.Say(m)}
		for _, name := range about[m.ID] {
			if it := b.find(items, name); it != nil {
				if p.Field == "" {
					p.Field = it.ID
					it.Errors = append(it.Errors, p.Text)
				}
				it.Invalid = true
			}
		}
		problems = append(problems, p)
	}
	problems = append(problems, b.problems...)
	for _, it := range items {
		for _, text := range it.Errors {
			p := problem{Text: text, Field: it.ID}
			if it.Invalid && !it.Mirrored && !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
	}
	return problems
}

// find is the first field of a name.
func (b *builder) find(items []*item, name string) *item {
	for _, it := range items {
		if it.Type != "" && (it.Name == name || name == usernames && slices.Contains(b.usernames, it.Name)) {
			return it
		}
	}
	return nil
}

// said are the messages of a type.
func (b *builder) said(messages []ui.Message, kind string) (all []template.HTML) {
	for _, m := range messages {
		if m.Type == kind {
			all = append(all, b.Say(m))
		}
	}
	return all
}

// usernamesOf are the traits by which people of a schema sign in.
func usernamesOf(s *schema.Schema) (names []string) {
	if s == nil {
		return nil
	}
	for _, f := range s.Fields() {
		if f.Password || f.WebAuthn || f.Code {
			names = append(names, f.Name)
		}
	}
	return names
}

// textOf is a value as a field holds it.
func textOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// linkTo is an address to which the configuration lets browsers be sent, of an app too,
// whose scheme html/template does not know; empty where it would run something.
func linkTo(address string) template.URL {
	scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(address)), ":")
	if slices.Contains([]string{"javascript", "vbscript", "data", "blob", "file"}, scheme) {
		return ""
	}
	return template.URL(address)
}

// slug makes an id of a name: letters, digits and dashes.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '-'
	}, name)
}
