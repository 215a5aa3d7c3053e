// Package jsonnet runs the Jsonnet programs of operators: those that make
// claims, the bodies of requests, and people's data from what a provider says.
//
//   - pool.go: Pool hands programs to child processes and takes their answers
//   - process.go: one child, from its start to its end
//   - serve.go: Serve is what a child does
//   - evaluate.go: one evaluation, with the interpreter
//   - frame.go: how the two sides speak
//
// A program can loop forever, or ask for more memory than there is, and what it
// works on comes from strangers. Inside the server neither could be stopped. So
// each evaluation runs in a child process of this same binary, which has a limit
// for memory, an empty environment, no open files but three pipes, and no way to
// import anything. One that takes too long or too much is killed, and another one
// takes its place.
//
// A child serves many evaluations, one after the other, because starting a
// process costs more than most programs do. Each gets an interpreter of its own:
// nothing of one evaluation can be seen by the next. Children start when they are
// needed and end when they are not, or when the server does, however that ends.
//
// What a program said of its failure may repeat what it was given, so it is for
// those who may see that and not for logs; see ProgramError.
package jsonnet
