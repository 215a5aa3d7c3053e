package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// spec is what the tags say about one key: the tree of types made into a tree
// of keys. It is built by reflection, once per load.
type spec struct {
	key  string // full, as people write it: serve.public.port, identity.schemas[].id
	name string // last part of key
	tag  reflect.StructTag
	typ  reflect.Type
	// at is the number of the Go field in the struct around it; inMap says
	// that this field is a map and the value is kept in it under name.
	at    int
	inMap bool

	fields []*spec // keys of an object, in the order of the Go fields
	elem   *spec   // items of a list, or values of an object with free names

	later string // see the tag of that name
	enum  []string
	acts  []string // for a list of hooks: those that the server acts on
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	bytesType    = reflect.TypeFor[Bytes]()
	hookType     = reflect.TypeFor[Hook]()

	hookConfigType = reflect.TypeFor[HookConfig]()
)

func newSpec() *spec { return specOf("", "", "", reflect.TypeFor[Config](), "") }

// specOf describes a value of the given type. around is the tag of the field
// that holds the nearest Before, After or method of After: it says which hooks
// may stand there.
func specOf(key, name string, tag reflect.StructTag, typ reflect.Type, around reflect.StructTag) *spec {
	s := &spec{key: key, name: name, tag: tag, typ: typ, later: tag.Get("later"), enum: strings.Fields(tag.Get("enum"))}
	if _, ok := tag.Lookup("hooks"); ok {
		around = tag
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch typ.Kind() {
	case reflect.Slice:
		s.elem = specOf(key+"[]", "", itemTag(tag), typ.Elem(), around)
		if typ.Elem() == hookType {
			allowed := strings.Fields(around.Get("hooks"))
			s.acts = slices.DeleteFunc(strings.Fields(around.Get("acts")), func(hook string) bool { return !slices.Contains(allowed, hook) })
		}
	case reflect.Map:
		s.elem = specOf(key+".<name>", "", itemTag(tag), typ.Elem(), around)
	case reflect.Struct:
		for i := range typ.NumField() {
			s.addField(i, typ.Field(i), around)
		}
		if typ == hookType {
			s.field("hook").enum = strings.Fields(around.Get("hooks"))
		}
	}
	return s
}

func (s *spec) addField(i int, field reflect.StructField, around reflect.StructTag) {
	name := field.Tag.Get("key")
	switch name {
	case "": // not part of the file
	case "*": // the methods of After
		acting := strings.Fields(around.Get("acts.methods"))
		for _, method := range strings.Fields(around.Get("methods")) {
			hooks, own := around.Lookup("hooks." + method)
			if !own {
				hooks = around.Get("hooks.*")
			}
			tag := reflect.StructTag("hooks:" + strconv.Quote(hooks) + " acts:" + strconv.Quote(around.Get("acts")) + " doc:" + strconv.Quote(field.Tag.Get("doc")))
			f := specOf(s.key+"."+method, method, tag, field.Type.Elem(), "")
			f.at, f.inMap = i, true
			if !slices.Contains(acting, method) {
				f.later = "the method " + method
			}
			s.fields = append(s.fields, f)
		}
	default:
		f := specOf(strings.TrimPrefix(s.key+"."+name, "."), name, field.Tag, field.Type, around)
		f.at = i
		s.fields = append(s.fields, f)
	}
}

// itemTag is the tag of the items of a list or map: what it says about texts
// and secrets holds for each of them.
func itemTag(tag reflect.StructTag) reflect.StructTag {
	var b strings.Builder
	for _, name := range []string{"enum", "format", "secret"} {
		if value, ok := tag.Lookup(name); ok {
			b.WriteString(name + ":" + strconv.Quote(value) + " ")
		}
	}
	return reflect.StructTag(b.String())
}

// object says whether the key holds an object with names that are known.
func (s *spec) object() bool { return len(s.fields) > 0 }

// plain is the type of the value itself, without a pointer to it.
func (s *spec) plain() reflect.Type {
	if s.typ.Kind() == reflect.Pointer {
		return s.typ.Elem()
	}
	return s.typ
}

func (s *spec) field(name string) *spec {
	for _, f := range s.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

func (s *spec) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// is says whether a tag is "yes".
func (s *spec) is(tag string) bool { return s.tag.Get(tag) == "yes" }

// limit is a number in the tag min or max.
func (s *spec) limit(tag string) (n int64, set bool) {
	n, err := strconv.ParseInt(s.tag.Get(tag), 10, 64)
	return n, err == nil
}

// of finds the value of this key in that of the object around it. It is the
// zero Value where there is none.
func (s *spec) of(object reflect.Value) reflect.Value {
	if object.Kind() == reflect.Pointer {
		object = object.Elem()
	}
	if !object.IsValid() {
		return reflect.Value{}
	}
	v := object.Field(s.at)
	if s.inMap {
		return v.MapIndex(reflect.ValueOf(s.name))
	}
	return v
}

// walk calls visit for s and every key below it.
func (s *spec) walk(visit func(*spec)) {
	visit(s)
	for _, f := range s.fields {
		f.walk(visit)
	}
	if s.elem != nil {
		s.elem.walk(visit)
	}
}

// variable is the name of the environment variable of the key; empty where
// there is none.
func (s *spec) variable() string {
	if s.key == "" || strings.Contains(s.key, "<name>") || s.tag.Get("env") == "no" {
		return ""
	}
	return strings.NewReplacer("[]", "_<number>", ".", "_", "-", "_", "<NUMBER>", "<number>").Replace(strings.ToUpper(s.key))
}
