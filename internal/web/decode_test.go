package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"zelus/internal/auth"
)

func submission(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/?method=query", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func mustRead(t *testing.T, contentType, body string) *Values {
	t.Helper()
	v, err := ReadValues(submission(contentType, body))
	if err != nil {
		t.Fatalf("%s %.100q: %v", contentType, body, err)
	}
	return v
}

// asSchema is what a schema does to text: ages are numbers, newsletters are
// booleans by their last value, and nothing is not a value.
func asSchema(name string, values []string) (any, bool) {
	last := values[len(values)-1]
	switch {
	case last == "":
		return nil, false
	case strings.HasSuffix(name, ".age"):
		return json.Number(last), true
	case strings.HasSuffix(name, ".newsletter"):
		b, err := strconv.ParseBool(last)
		return b, err == nil
	}
	return last, true
}

func TestReadValues(t *testing.T) {
	const want = `{"email":"a@b.example","name":{"last":"L","first":"F"},"age":42,"newsletter":true}`
	var parts bytes.Buffer
	form := multipart.NewWriter(&parts)
	for _, p := range [][2]string{{"method", "profile"}, {"traits.email", "a@b.example"}, {"traits.name.last", "L"},
		{"traits.name.first", "F"}, {"traits.age", "42"}, {"traits.newsletter", "false"}, {"traits.newsletter", "true"}, {"traits.none", ""}} {
		if err := form.WriteField(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	if file, err := form.CreateFormFile("picture", "me.png"); err != nil {
		t.Fatal(err)
	} else if _, err := file.Write([]byte{0xff, 0}); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		contentType, body string
		form              bool
	}{
		"nested":       {typeJSON, `{"method":"profile","traits":{"email":"a@b.example","name":{"last":"L","first":"F"},"age":42,"newsletter":true}}`, false},
		"flat":         {typeJSON, `{"method":"profile","traits.email":"a@b.example","traits.name.last":"L","traits.name.first":"F","traits.age":"42","traits.newsletter":"true"}`, false},
		"both":         {typeJSON + "; charset=utf-8", ` { "traits" : { "email" : "a@b.example" , "name" : { "last" : "L" } } , "traits.name" : { "first" : "F" , "none" : "" } , "traits.age" : 42 , "traits.newsletter" : true , "method" : "profile" } `, false},
		"form":         {typeForm, "method=profile&traits.email=a%40b.example&traits.name.last=L&traits.name.first=F&traits.age=42&traits.newsletter=false&traits.newsletter=true&traits.none=", true},
		"odd capitals": {"Application/X-WWW-Form-Urlencoded", "&&method=profile&traits.email=a@b.example&traits.name.last=L&traits.name.first=F&traits.age=42&traits.newsletter=1", true},
		"multipart":    {form.FormDataContentType(), parts.String(), true},
	} {
		t.Run(name, func(t *testing.T) {
			v := mustRead(t, tt.contentType, tt.body)
			if got := string(v.Object("traits", asSchema)); got != want {
				t.Errorf("traits are %s", got)
			}
			if v.String("method") != "profile" || v.String("traits.name.first") != "F" || v.String("traits.age") != "42" {
				t.Errorf("texts are %q %q %q", v.String("method"), v.String("traits.name.first"), v.String("traits.age"))
			}
			if v.IsForm() != tt.form {
				t.Errorf("IsForm is %v", v.IsForm())
			}
			if !v.Has("traits.email") || !v.Has("traits.name") || v.Has("traits.shoe") || v.Has("picture") {
				t.Error("Has is wrong")
			}
		})
	}
}

func TestValues(t *testing.T) {
	v := mustRead(t, typeJSON, `{"s":"x\u00e9\ud83d\ude00","n":1.50,"b":true,"z":null,"l":["a", 2],"o":{"k":"v","m":{}},"e":"", "..":"odd","a..b":"odder","<":"<"}`)
	for name, want := range map[string][2]string{
		"s":       {"xé😀", `"x\u00e9\ud83d\ude00"`},
		"n":       {"1.50", "1.50"},
		"b":       {"true", "true"},
		"z":       {"", "null"},
		"l":       {"", `["a", 2]`},
		"o":       {"", `{"k":"v","m":{}}`},
		"o.k":     {"v", `"v"`},
		"o.m":     {"", "{}"},
		"e":       {"", `""`},
		"..":      {"odd", `"odd"`},
		"a..b":    {"odder", `"odder"`},
		"o.k.x":   {"", ""},
		"missing": {"", ""},
		"":        {"", ""},
		".":       {"", ""},
	} {
		if got := v.String(name); got != want[0] {
			t.Errorf("String(%q) is %q", name, got)
		}
		if got := string(v.Raw(name)); got != want[1] {
			t.Errorf("Raw(%q) is %s", name, got)
		}
		if v.Has(name) != (want[1] != "") {
			t.Errorf("Has(%q) is %v", name, v.Has(name))
		}
	}
	if got := string(mustRead(t, typeForm, "a.b=1&a.b=2&a.c=%3Cx").Raw("a")); got != `{"b":"1","c":"\u003cx"}` {
		t.Errorf("a form's object is %s", got)
	}
}

func TestObjectCoerce(t *testing.T) {
	v := mustRead(t, typeForm, "t.age=1e99999&t.x=1&t.y=2&t.z=3&t.w.v=4")
	got := string(v.Object("t", func(name string, values []string) (any, bool) {
		switch name {
		case "t.age":
			return json.Number(values[0]), true // too large to compute with
		case "t.x":
			return json.Number("no number"), true
		case "t.y":
			return func() {}, true
		case "t.w.v":
			return nil, true
		}
		return nil, false
	}))
	if got != `{"age":"1e99999","x":"1","y":"2","w":{"v":null}}` {
		t.Error(got)
	}
	// Texts in lists and values that are no text are left alone.
	v = mustRead(t, typeJSON, `{"t":{"l":["1"],"n":7,"s":"1"}}`)
	got = string(v.Object("t", func(string, []string) (any, bool) { return nil, false }))
	if got != `{"l":["1"],"n":7}` {
		t.Error(got)
	}
}

func TestReadValuesEmpty(t *testing.T) {
	for _, contentType := range []string{"", typeJSON, typeForm, "image/png"} {
		v := mustRead(t, contentType, "")
		if v.Has("method") || v.IsForm() != (contentType == typeForm) {
			t.Errorf("%q: no body has fields, or is taken for another type", contentType)
		}
	}
}

func TestReadValuesRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	many := func(n int, format, between string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, between)
	}
	for name, tt := range map[string]struct {
		contentType, body string
		want              error
	}{
		"no content type":         {"", "a=b", auth.ErrContentType},
		"another content type":    {"text/plain", "{}", auth.ErrContentType},
		"malformed content type":  {"application/", "{}", auth.ErrContentType},
		"parts cut off":           {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b", auth.ErrBody},
		"parts cut off later":     {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-", auth.ErrBody},
		"parts cut off in front":  {"multipart/form-data; boundary=b", "--b\r\n", auth.ErrBody},
		"parts cut off at once":   {"multipart/form-data; boundary=b", "--b", auth.ErrBody},
		"no json":                 {typeJSON, "not json", auth.ErrBody},
		"space":                   {typeJSON, "  \n", auth.ErrBody},
		"a list":                  {typeJSON, "[]", auth.ErrBody},
		"null":                    {typeJSON, "null", auth.ErrBody},
		"a text":                  {typeJSON, `"x"`, auth.ErrBody},
		"broken off":              {typeJSON, `{"a":1`, auth.ErrBody},
		"broken off in a text":    {typeJSON, `{"a":"\`, auth.ErrBody},
		"comma at the end":        {typeJSON, `{"a":1,}`, auth.ErrBody},
		"comma at the list's end": {typeJSON, `{"a":[1,]}`, auth.ErrBody},
		"something follows":       {typeJSON, `{} {}`, auth.ErrBody},
		"twice":                   {typeJSON, `{"a":1,"a":1}`, auth.ErrBody},
		"twice, escaped":          {typeJSON, `{"a":1,"\u0061":1}`, auth.ErrBody},
		"twice in a list":         {typeJSON, `{"l":[{"a":1,"a":1}]}`, auth.ErrBody},
		"twice, nested and flat":  {typeJSON, `{"t":{"a":1},"t.a":1}`, auth.ErrBody},
		"twice, flat and nested":  {typeJSON, `{"t.a":{"b":1},"t":{"a":{"b":1}}}`, auth.ErrBody},
		"below a text":            {typeJSON, `{"t":"x","t.a":1}`, auth.ErrBody},
		"below a null":            {typeJSON, `{"t":null,"t.a":1}`, auth.ErrBody},
		"text over an object":     {typeJSON, `{"t.a":1,"t":"x"}`, auth.ErrBody},
		"too deep":                {typeJSON, deep(maxDepth + 1), auth.ErrBody},
		"far too deep":            {typeJSON, `{"a":` + strings.Repeat("[", MaxForm-10), auth.ErrBody},
		"too many fields":         {typeJSON, "{" + many(maxFields+1, `"f%d":1`, ",") + "}", auth.ErrBody},
		"too many in a list":      {typeJSON, `{"l":[` + many(maxFields, `{"f%d":1}`, ",") + "]}", auth.ErrBody},
		"too many items":          {typeJSON, `{"l":[` + many(maxFields, "%d", ",") + "]}", auth.ErrBody},
		"too many lists":          {typeJSON, `{"l":[` + strings.Repeat(" [ ] ,", maxFields) + "[]]}", auth.ErrBody},
		"too many in lists":       {typeJSON, `{"l":[` + strings.Repeat("[1],", maxFields/2) + "[]]}", auth.ErrBody},
		"invalid UTF-8":           {typeJSON, "{\"a\":\"\xff\"}", auth.ErrBody},
		"NUL":                     {typeJSON, `{"a":"\u0000"}`, auth.ErrBody},
		"NUL in a name":           {typeJSON, `{"\u0000":1}`, auth.ErrBody},
		"high surrogate":          {typeJSON, `{"a":"\ud83d"}`, auth.ErrBody},
		"high surrogate and text": {typeJSON, `{"a":"\ud83dx\ude00"}`, auth.ErrBody},
		"two high surrogates":     {typeJSON, `{"a":"\ud83d\uD83D"}`, auth.ErrBody},
		"low surrogate":           {typeJSON, `{"a":"\\\ude00"}`, auth.ErrBody},
		"digits":                  {typeJSON, `{"a":` + strings.Repeat("1", maxNumber+1) + `}`, auth.ErrBody},
		"exponent":                {typeJSON, `{"a":[1e-1000]}`, auth.ErrBody},
		"form: percent":           {typeForm, "a=%zz", auth.ErrBody},
		"form: percent in a name": {typeForm, "%=1", auth.ErrBody},
		"form: invalid UTF-8":     {typeForm, "a=%ff", auth.ErrBody},
		"form: NUL":               {typeForm, "a=%00", auth.ErrBody},
		"form: too many fields":   {typeForm, many(maxFields+1, "f%d=", "&"), auth.ErrBody},
		"form: below a text":      {typeForm, "t=1&t.a=1", auth.ErrBody},
		"form: text over fields":  {typeForm, "t.a=1&t=1", auth.ErrBody},
		"multipart: no boundary":  {typeMultipart, "--x--", auth.ErrBody},
		"multipart: broken off":   {typeMultipart + "; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1", auth.ErrBody},
		"multipart: nothing":      {typeMultipart + "; boundary=x", "garbage", auth.ErrBody},
		"multipart: too many":     {typeMultipart + "; boundary=x", many(maxFields+1, "--x\r\nContent-Disposition: form-data; name=f%d\r\n\r\n\r\n", "") + "--x--", auth.ErrBody},
		"a form too large":        {typeForm, strings.Repeat("a", MaxForm+1), auth.ErrBodyTooLarge},
		"JSON too large":          {typeJSON, strings.Repeat(" ", MaxForm) + "{}", auth.ErrBodyTooLarge},
		"multipart too large":     {typeMultipart + "; boundary=x", strings.Repeat("a", MaxForm+1), auth.ErrBodyTooLarge},
	} {
		v, err := ReadValues(submission(tt.contentType, tt.body))
		if !errors.Is(err, tt.want) || v != nil {
			t.Errorf("%s: %v", name, err)
		} else if e := auth.AsError(err); e.Reason == "" {
			t.Errorf("%s: no reason is given", name)
		}
	}

	// Just within the limits.
	mustRead(t, typeJSON, deep(maxDepth))
	mustRead(t, typeJSON, `{"l":[`+strings.Repeat(" [ ] ,", maxFields-2)+"[]]}")
	mustRead(t, typeJSON, `{"s":"`+strings.Repeat(`,[{\"`, maxFields)+`"}`)
	mustRead(t, typeForm, "a="+strings.Repeat("a", MaxForm-2))
	mustRead(t, typeJSON, "{"+many(maxFields, `"f%d":1`, ",")+"}")
	mustRead(t, typeForm, many(maxFields, "f%d=", "&"))
	mustRead(t, typeJSON, `{"a":`+strings.Repeat("1", maxNumber)+`,"b":1e-0999,"c":"\\ud83d \\u0000 \ud83d\ude00"}`)
	mustRead(t, typeForm, strings.Repeat("a.", maxDepth*2)+"a=1")
}

func TestDecodeJSON(t *testing.T) {
	type inner struct {
		Count  int      `json:"count"`
		Active bool     `json:"active"`
		Tags   []string `json:"tags"`
	}
	type outer struct {
		SchemaID string          `json:"schema_id"`
		Traits   json.RawMessage `json:"traits"`
		Inner    *inner          `json:"inner"`
		Any      any             `json:"any"`
		Picky    picky           `json:"picky"`
		Blunt    blunt           `json:"blunt"`
	}
	var got outer
	if err := DecodeJSON(submission("", `{"schema_id":"x","traits":{"b":1,"a":2},"inner":{"count":3},"any":12345678901234567890}`), &got, true); err != nil {
		t.Fatal(err)
	}
	if got.SchemaID != "x" || string(got.Traits) != `{"b":1,"a":2}` || got.Inner.Count != 3 || got.Any != json.Number("12345678901234567890") {
		t.Errorf("read %+v", got)
	}
	if err := DecodeJSON(submission("", `{"unknown":1}`), &got, false); err != nil {
		t.Errorf("an unknown field is refused although not strict: %v", err)
	}
	for _, tt := range []struct{ body, says string }{
		{`{"shoe":1}`, `The field "shoe" is not known here.`},
		{`{"inner":{"size":1}}`, `The field "size" is not known here.`},
		{`[]`, "The body must be an object, but it is a list."},
		{` null `, "The body must be an object, but it is null."},
		{`{"schema_id":7}`, "The field schema_id must be a string, but it is a number."},
		{`{"inner":{"count":"secret"}}`, "The field inner.count must be a whole number, but it is a string."},
		{`{"inner":{"count":1.5}}`, "The field inner.count must be a whole number, but it is a number."},
		{`{"inner":{"active":1}}`, "The field inner.active must be true or false, but it is a number."},
		{`{"inner":{"tags":{}}}`, "The field inner.tags must be a list, but it is an object."},
		{`{"blunt":"secret"}`, "A value in the body does not have the form that is expected there."},
		{``, "The body is empty, but it must be JSON."},
		{`nope`, "The body is not valid JSON. The mistake is near byte 2."},
		{`{"traits":{},"any":`, "The body is not valid JSON. The mistake is near byte 19."},
		{`{} {}`, "The body is not valid JSON. The mistake is near byte 4."},
		{`{"schema_id":"a","schema_id":"b"}`, `The field "schema_id" is given more than once.`},
	} {
		err := DecodeJSON(submission("", tt.body), &outer{}, true)
		e := auth.AsError(err)
		if !errors.Is(err, auth.ErrBody) || e.Message != tt.says || e.Reason != "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s, strictly: %v", tt.body, err)
		}
		if strings.Contains(tt.says, "not known") {
			continue
		}
		err = DecodeJSON(submission("", tt.body), &outer{}, false)
		if e := auth.AsError(err); !errors.Is(err, auth.ErrBody) || e.Reason != tt.says || e.Message != "" {
			t.Errorf("%s: %v", tt.body, err)
		}
	}
	if err := DecodeJSON(submission("", `{"picky":1}`), &outer{}, true); !errors.Is(err, auth.ErrState) {
		t.Errorf("an error of the value's own becomes %v", err)
	}
	if err := DecodeJSON(submission("", strings.Repeat(" ", MaxBody+1)), &outer{}, true); !errors.Is(err, auth.ErrBodyTooLarge) {
		t.Errorf("a large body: %v", err)
	}
	if auth.ErrBody.Message != "" || auth.ErrBody.Reason != "" {
		t.Error("the error's template was changed")
	}
}

// TestDecodeJSONFoldsNames: encoding/json takes names that differ in case alone
// for one, and so one of them would silently win.
func TestDecodeJSONFoldsNames(t *testing.T) {
	type Base struct {
		State string `json:"state"`
	}
	type task struct {
		Base
		Kind    string
		Traits  json.RawMessage       `json:"traits"`
		Any     any                   `json:"any"`
		Free    map[string]int        `json:"free"`
		Named   map[string]Base       `json:"named"`
		List    []*Base               `json:"list"`
		Pointer **Base                `json:"pointer"`
		Pair    [2]map[string][]*Base `json:"pair"`
		Self    *task                 `json:"self"`
		Picky   picky                 `json:"picky"`
	}
	for body, twice := range map[string]string{
		`{"state":"inactive","STATE":"active"}`:              "STATE",
		`{"state":"inactive","\u017ftate":"active"}`:         "ſtate",
		`{"Kind":"a","\u212aind":"b"}`:                       "Kind",
		`{"kind":"a","Kind":"b"}`:                            "Kind",
		`{"List":[{"state":"a"},{"state":"a","State":"b"}]}`: "State",
		`{"POINTER":{"state":"a","State":"b"}}`:              "State",
		`{"named":{"x":{"state":"a","State":"b"}}}`:          "State",
		`{"pair":[{},{"x":[{"state":"a","STATE":"b"}]}]}`:    "STATE",
		`{"self":{"self":{"state":"a","State":"b"}}}`:        "State",
		`{"unknown":1,"Unknown":2}`:                          "Unknown",
		`{"traits":{"a":1,"a":2}}`:                           "a",
		`{"free":{"a":1,"\u0061":2}}`:                        "a",
	} {
		err := DecodeJSON(submission("", body), &task{}, false)
		if e := auth.AsError(err); !errors.Is(err, auth.ErrBody) || e.Reason != `The field "`+twice+`" is given more than once.` {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{
		`{"STATE":"active","KIND":"x"}`,
		`{"traits":{"name":1,"Name":2}}`,
		`{"any":{"name":1,"Name":{"state":1,"State":2}}}`,
		`{"free":{"name":1,"Name":2}}`,
		`{"named":{"name":{},"Name":{}}}`,
		`{"picky":{"name":1,"Name":2}}`,
	} {
		err := DecodeJSON(submission("", body), &task{}, false)
		if err != nil && !errors.Is(err, auth.ErrState) { // which picky always says
			t.Errorf("%s: %v", body, err)
		}
	}
	var free map[string]any
	if err := DecodeJSON(submission("", `{"name":1,"Name":2}`), &free, false); err != nil || len(free) != 2 {
		t.Errorf("into a map: %v, %v", free, err)
	}
	// A submission has no type, and its names are its own.
	if v := mustRead(t, typeJSON, `{"traits":{"name":1,"Name":2}}`); string(v.Raw("traits.Name")) != "2" {
		t.Error("a submission's names are folded")
	}
}

// TestFolded holds folded to what encoding/json does.
func TestFolded(t *testing.T) {
	for _, pair := range [][2]string{{"state", "STATE"}, {"state", "ſtate"}, {"k", "K"}, {"ς", "Σ"}, {"ß", "ẞ"}, {"i", "İ"}, {"a", "b"}, {"", "a"}, {"ǆ", "ǅ"}} {
		if got, want := folded(pair[0]) == folded(pair[1]), strings.EqualFold(pair[0], pair[1]); got != want {
			t.Errorf("%q and %q are the same: %v", pair[0], pair[1], got)
		}
	}
}

func TestDecodeSmallJSON(t *testing.T) {
	var got struct {
		Token string `json:"token"`
	}
	if err := DecodeSmallJSON(submission("", `{"token":"x","unknown":1}`), &got); err != nil || got.Token != "x" {
		t.Errorf("%+v, %v", got, err)
	}
	items := func(n int) string { return `{"other":[` + strings.Repeat("0,", n-2) + `0]}` }
	if err := DecodeSmallJSON(submission("", items(maxFields)), &got); err != nil {
		t.Errorf("just as many as allowed: %v", err)
	}
	for body, want := range map[string]error{
		items(maxFields + 1):           auth.ErrBody,
		strings.Repeat(" ", MaxForm+1): auth.ErrBodyTooLarge,
		`{"token":"a","TOKEN":"b"}`:    auth.ErrBody,
	} {
		if err := DecodeSmallJSON(submission("", body), &got); !errors.Is(err, want) {
			t.Errorf("%.40s: %v", body, err)
		}
	}
	if err := DecodeJSON(submission("", items(maxDocumentFields)), &got, false); err != nil {
		t.Errorf("an administrator's body: %v", err)
	}
	if err := DecodeJSON(submission("", items(maxDocumentFields+1)), &got, false); !errors.Is(err, auth.ErrBody) {
		t.Errorf("an administrator's body with one item too many: %v", err)
	}
}

type picky struct{}

func (*picky) UnmarshalJSON([]byte) error { return auth.ErrState }

type blunt struct{}

func (*blunt) UnmarshalText(text []byte) error { return fmt.Errorf("%s is no good", text) }

func TestRequireJSON(t *testing.T) {
	for contentType, want := range map[string]error{
		typeJSON:                   nil,
		typeJSON + ";charset=utf8": nil,
		"":                         auth.ErrContentType,
		"text/plain":               auth.ErrContentType,
		typeJSON + "x":             auth.ErrContentType,
	} {
		if err := RequireJSON(submission(contentType, "")); !errors.Is(err, want) {
			t.Errorf("%q: %v", contentType, err)
		}
	}
}

// FuzzReadValues: a submission of whatever type is refused with a clear error,
// or holds what was sent as other readers see it, and says the same once it is
// written in another type.
func FuzzReadValues(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"b":[1,2,{"c":null}]},"a.d":"x"}`, ` { "n" : -1.5E+2 , "u" : "\ud83d\ude00\\" } `,
		`{"a":1,}`, `{"":{"":""}}`, `{"a.b.c":1,"a":{"b":{"d":2}}}`, "{\"\u2028\":\"<&>\"}", `{"a":"\ud800","a":"\u0000"}`} {
		f.Add(typeJSON, seed)
	}
	for _, seed := range []string{"", "a=1&a=2", "a.b=%20+&a.c", "=&&==", "a..b=1&.=2", "a.b=1&a=2", "%C3%A9=%E2%82%AC", "a;b=1", "%00=%ff"} {
		f.Add(typeForm, seed)
	}
	part := "--b\r\nContent-Disposition: form-data; name=\"a.b\"\r\n\r\n1\r\n"
	f.Add("multipart/form-data; boundary=b", part+"--b--\r\n")
	f.Add("multipart/form-data; boundary=b", part+strings.Replace(part, "a.b", "a", 1)+"--b--")
	f.Add("Multipart/Form-Data; charset=x; boundary=\"b\"", strings.Replace(part, "\r\n\r\n", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=3D", 1)+"--b--")
	f.Add("multipart/form-data", part)
	f.Add("text/plain; charset=utf-16", "a=1")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		v, err := ReadValues(submission(contentType, body))
		if err != nil {
			clearlyRefused(t, body, err)
			return
		}
		checkValues(t, v)
		whole := v.root.whole(t)
		if len(whole) > 16*len(body)+16 {
			t.Fatalf("%q grows to %d bytes", body, len(whole))
		}
		if body == "" {
			return
		}
		switch media := mediaType(submission(contentType, "")); media {
		case typeJSON:
			lawful(t, body)
			sameMembers(t, v, body)
		case typeForm, typeMultipart:
			if media == typeMultipart {
				whole := false // up to its last boundary
				_, parameters, _ := mime.ParseMediaType(contentType)
				for line := range strings.SplitSeq(body, "\n") {
					whole = whole || strings.HasPrefix(line, "--"+parameters["boundary"]+"--")
				}
				if !whole {
					t.Fatalf("%q as %q was cut off, and was taken", body, contentType)
				}
			}
			fields := v.root.fullNames("", nil)
			if media == typeForm && !strings.Contains(body, ";") {
				theirs, err := url.ParseQuery(body)
				if err != nil || len(theirs) != len(fields) {
					t.Fatalf("%q has the fields %q, but to net/url %q (%v)", body, fields, theirs, err)
				}
				for name, texts := range theirs {
					if !slices.Equal(fields[name], texts) || v.String(name) != texts[0] {
						t.Fatalf("%q has %q as %q and %q, want %q", body, name, fields[name], v.String(name), texts)
					}
				}
			}
			for other, text := range rewritten(t, fields) {
				if len(text) > MaxForm {
					continue
				}
				again, err := ReadValues(submission(other, text))
				if err != nil || !sameValue(again.root.whole(t), whole) {
					t.Fatalf("%q is %s, but as %s %q it is %s (%v)", body, whole, other, text, again.root.whole(t), err)
				}
			}
		default:
			t.Fatalf("%q was read as %q", body, contentType)
		}
	})
}

// whole is everything below a field as JSON.
func (f *field) whole(t *testing.T) string {
	t.Helper()
	out, _ := f.appendJSON(nil, "", nil)
	if !json.Valid(out) {
		t.Fatalf("this is no JSON: %q", out)
	}
	return string(out)
}

// fullNames are the fields of a form by their full names.
func (f *field) fullNames(name string, into map[string][]string) map[string][]string {
	if into == nil {
		into = map[string][]string{}
	}
	if f.kind == textField {
		into[name] = f.texts
	}
	for i := range f.children {
		c := &f.children[i]
		below := c.name
		if f.name != "" || name != "" {
			below = name + "." + c.name
		}
		c.fullNames(below, into)
	}
	return into
}

// rewritten are the fields of a form in other types, by content type: what can
// be said in them.
func rewritten(t *testing.T, fields map[string][]string) map[string]string {
	t.Helper()
	all := map[string]string{typeForm: url.Values(fields).Encode()}
	if len(fields) == 0 {
		return nil
	}
	var parts bytes.Buffer
	form, inParts := multipart.NewWriter(&parts), true
	flat, once := map[string]string{}, true
	for name, texts := range fields {
		// A part without a name is left out, and its name stands in a header.
		inParts = inParts && name != "" && !strings.ContainsFunc(name, unicode.IsControl) && !strings.ContainsAny(name, `"\%`)
		once = once && len(texts) == 1
		flat[name] = texts[0]
		for _, text := range texts {
			if err := form.WriteField(name, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	if inParts {
		all[form.FormDataContentType()] = parts.String()
	}
	if once {
		text, err := json.Marshal(flat)
		if err != nil {
			t.Fatal(err)
		}
		all[typeJSON] = string(text)
	}
	return all
}

// sameMembers compares a submission with what encoding/json reads, as far as no
// name of the body is a path.
func sameMembers(t *testing.T, v *Values, body string) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatalf("%q was taken: %v", body, err)
	}
	for name := range members {
		if strings.Contains(name, ".") {
			return
		}
	}
	for name, value := range members {
		if !v.Has(name) || !sameValue(string(v.Raw(name)), string(value)) {
			t.Fatalf("%q has %q as %s, want %s", body, name, v.Raw(name), value)
		}
	}
}

// sameValue says whether two texts are the same JSON but for order and spelling.
func sameValue(a, b string) bool {
	read := func(text string) (v any) {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if dec.Decode(&v) != nil {
			return nil
		}
		return v
	}
	return read(a) != nil && reflect.DeepEqual(read(a), read(b)) || strings.TrimSpace(a) == "null" && strings.TrimSpace(b) == "null"
}

// clearlyRefused wants an error that the client can act on: a 400 with an id
// and a short sentence, without the words of the libraries below.
func clearlyRefused(t *testing.T, body string, err error) {
	t.Helper()
	e := auth.AsError(err)
	said := string(e.JSON(""))
	if e.Status != http.StatusBadRequest || e.ID == "" || e.Reason+e.Message == "" || len(said) > 1500 || !json.Valid([]byte(said)) {
		t.Fatalf("%q: %s", body, said)
	}
	for _, word := range []string{"invalid character", "cannot unmarshal", "json:", "multipart:", "mime:", "unexpected EOF", "reflect", "goroutine"} {
		if strings.Contains(said, word) && !strings.Contains(body, word) {
			t.Fatalf("%q: the error says %q: %s", body, word, said)
		}
	}
}

// lawful wants of a body that was taken what I-JSON asks for, read by a decoder
// that is not ours: one member of a name, whole characters, nothing absurd.
func lawful(t *testing.T, body string) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	type level struct {
		names map[string]bool // of an object; nil for a list
		value bool            // the next one is a value, not a name
	}
	levels := []*level{{value: true}}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		at := levels[len(levels)-1]
		isName := at.names != nil && !at.value
		if at.names != nil {
			at.value = !at.value
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				levels = append(levels, &level{names: map[string]bool{}})
			case '[':
				levels = append(levels, &level{value: true})
			default:
				levels = levels[:len(levels)-1]
			}
		case json.Number:
			if len(token) > maxNumber {
				t.Fatalf("%q was taken", body)
			}
		case string:
			// The decoder puts U+FFFD where there is half a character.
			if strings.ContainsRune(token, 0) || strings.ContainsRune(token, utf8.RuneError) && !strings.ContainsRune(body, utf8.RuneError) && !strings.Contains(strings.ToLower(body), `\ufffd`) {
				t.Fatalf("%q was taken", body)
			}
			if isName && at.names[token] {
				t.Fatalf("%q was taken, with %q twice", body, token)
			}
			if isName {
				at.names[token] = true
			}
		}
		if len(levels) > maxDepth+1 {
			t.Fatalf("%.1000q was taken", body)
		}
	}
	if !utf8.ValidString(body) {
		t.Fatalf("%q was taken", body)
	}
}

// FuzzDecodeJSON: what is taken is what encoding/json takes, without two names
// for one member, and a strict reading takes the same or less.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[{"b":1}],"B":2}`, `[{"a":1,"A":2}]`, `{"m":{"x":{"a":1}}}`, `{"a" : [ ] , "b":[ [1] ]}`, `"\u0041"`, `{"a":{"\"":"]"}}`} {
		f.Add(seed)
	}
	type node struct {
		A []node          `json:"a"`
		B json.Number     `json:"b"`
		M map[string]node `json:"m"`
	}
	f.Fuzz(func(t *testing.T, body string) {
		var got, want node
		err := DecodeJSON(submission("", body), &got, false)
		if err == nil {
			if err := json.Unmarshal([]byte(body), &want); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%q is %+v, but to encoding/json %+v (%v)", body, got, want, err)
			}
			lawful(t, body)
		} else {
			clearlyRefused(t, body, err)
		}
		var strict node
		if strictErr := DecodeJSON(submission("", body), &strict, true); strictErr != nil {
			clearlyRefused(t, body, strictErr)
		} else if err != nil || !reflect.DeepEqual(got, strict) {
			t.Fatalf("%q is %+v, but read strictly %+v (%v)", body, got, strict, err)
		}
	})
}

// checkValues reads everything that was sent in every way there is.
func checkValues(t *testing.T, v *Values) {
	t.Helper()
	for _, c := range v.root.children {
		if !v.Has(c.name) && len(path(c.name)) == 1 {
			t.Fatalf("%q was sent and is not there", c.name)
		}
		for _, coerce := range []func(string, []string) (any, bool){nil, asSchema} {
			out := v.Object(c.name, coerce)
			if len(out) > 0 && !json.Valid(out) {
				t.Fatalf("%q becomes %s", c.name, out)
			}
		}
		if s := v.String(c.name); strings.ContainsRune(s, 0) {
			t.Fatalf("%q has a NUL", c.name)
		}
	}
}

// BenchmarkLargeBody reads the dearest bodies of MaxBody bytes that there are.
// None should come near a tenth of a second, but for the one that makes
// encoding/json fill a map of 200,000 names.
func BenchmarkLargeBody(b *testing.B) {
	fill := func(head, item, tail string) string {
		return head + strings.Repeat(item, (MaxBody-len(head)-len(tail))/len(item)) + tail
	}
	items := func(item string) string { // as many as are taken, as long as there is room
		space := MaxBody/maxDocumentFields - len(item) - 2
		return `{"any":[` + strings.Repeat(item+","+strings.Repeat(" ", space), maxDocumentFields-2) + item + "]}"
	}
	keys := make([]string, maxDocumentFields-1)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"key %d":%d`, i, i)
	}
	for name, body := range map[string]string{
		"too many numbers": fill(`{"any":[0`, ",0", "]}"),
		"too many lists":   fill(`{"any":[[]`, ",[]", "]}"),
		"too many objects": fill(`{"any":[{}`, ",{}", "]}"),
		"too many texts":   fill(`{"any":[""`, `,""`, "]}"),
		"too deep":         fill("", "[", ""),
		"no end":           fill(`{"any":"`, "x", ""),
		"space":            fill(`{"any":`, " ", "0}"),
		"one text":         fill(`{"any":"`, "x", `"}`),
		"one text, escape": fill(`{"any":"`, `\u00e9`, `"}`),
		"one number":       fill(`{"any":`, "1", "}"),
		"numbers":          items("12345"),
		"objects":          items("{}"),
		"lists":            items("[]"),
		"keys":             `{"any":{` + strings.Join(keys, ",") + "}}",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var v struct {
					Any any `json:"any"`
				}
				_ = decodeDocument([]byte(body), maxDocumentFields, &v, true)
			}
		})
	}
}
