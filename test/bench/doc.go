// Command bench measures a built server. It prints a table of ratios and
// times, each beside the most that it may be:
//
//	make bench                    with a small database
//	make bench BESIDE=old/zelus   two builds of the server, in turn
//	make bench-large              with 1,000,000 identities and as many sessions
//
// What a request costs is the time that the server's process spent on the
// processor, as its clock tells it, divided by the number of requests: a busy
// machine disturbs that least. It is compared with a bare server, a program
// that answers each request with the same status, headers and bytes out of
// memory by net/http with the same time limits. Both take turns in many short
// rounds, and the figure is the median of the rounds' ratios. Requests are not
// logged. Other costs and starts are the median of five; how long people wait
// while others sign in is one run of five seconds, beside as many of quiet, and
// memory is looked at once. Nothing here fails because something took long:
// machines differ, ratios are for people to look at. What is in milliseconds is
// to be seen beside what a hash takes, and a bare request, on the machine as it
// is then.
//
// In bench-large both databases have what has expired, in proportion to their people,
// and the servers remove it beside all else, as it becomes due. What grows with the
// number of people is the pages that come from the system's memory instead of SQLite's
// own: four in a cold check, and two for each row that is removed, because tokens and
// ids of forms are spread over all of their trees.
//
// With BESIDE the other build takes the bare server's place, for all figures that are
// time on the processor. The ratio is what this build costs by what the other does, and
// the middle half is where half of the rounds' ratios lie. The people are made by this
// tree, so that the other build must know its tables.
package main
