// Package config reads the configuration of the server: files in the shape of
// Ory Kratos' kratos.yml (v26), the environment and the command line.
//
// Config is the one typed tree. The tags on its fields are the only place
// where a key, its default, its limits and its meaning are written down;
// loading, validation, Explain, Print and Schema are all derived from them:
//
//	key       name in the file
//	default   value where nothing is configured, as text; lists with commas
//	min, max  limits of a number (inclusive), of the number of items of a
//	          list, or of the length of a text in bytes
//	enum      the allowed values, separated by spaces
//	format    what a text must look like, see format.go
//	required  "yes": must be set wherever the object around it is set
//	unique    "yes": no item of the list may appear twice
//	secret    what Print hides: "all" of the value, or what follows "base64"://;
//	          passwords inside URLs are hidden everywhere
//	later     the area that this key belongs to, where the server knows the
//	          key and does not act on it yet; take the tag away once it does
//	inert     "yes": the key is accepted and changes nothing, as in Kratos
//	restart   "yes": a change takes effect at the next start only
//	env       "no": environment variables do not set this key
//	open      "yes": keys that are not known are allowed and ignored
//	doc       what the key is for, in one or two sentences
//
// Later beats earlier: defaults, files in the order given (objects are merged
// key by key, lists are replaced), flags, environment variables.
//
// A value that is wrong never stops the reading: Load reports every problem at
// once, each with its file and line or the name of its variable. Blame adds the
// same to what other packages find wrong later. What is secret appears in no
// error, warning or printout.
package config
