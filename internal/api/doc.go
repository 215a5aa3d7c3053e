// Package api answers everything that is not a flow: the session check and a
// person's own sessions, identity schemas, the admin API, health and version.
//
// Public and Admin list the routes of the two servers, each a line. Handlers
// decode, call one method of a room below, and encode; rules live below.
//
// What belongs to the other server is sent there with 307, so that a client
// that knows one address only still arrives.
package api
