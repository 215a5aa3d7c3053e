package language

import "net/http"

// Way is where a button of an error page leads.
type Way string

// The ways on. Which address each of them has is for the pages to say.
const (
	WayHome    Way = "home"    // where people without an aim go
	WaySignIn  Way = "sign_in" // a sign-in, or a fresh one for who is signed in
	WayStepUp  Way = "step_up" // the second step of a sign-in
	WayVerify  Way = "verify"  // the form that sends a confirmation again
	WayAccount Way = "account" // settings
)

// Fault is what an error page says to the person in front of it.
type Fault struct {
	Heading string // what happened
	Text    string // what to do
	Way     Way    // where a button leads
	Button  string // what stands on it
}

// fault is an error as people see it: many errors of programs are one to them.
type fault struct {
	texts string // names its texts in the files
	way   Way
}

// faults are the errors that a browser can be shown, by their ids (see
// auth/errors.go). Others are for programs only.
var faults = map[string]fault{
	"session_inactive":                  {"signed_out", WaySignIn},
	"session_aal1_required":             {"signed_out", WaySignIn},
	"session_aal2_required":             {"second_step", WayStepUp},
	"session_refresh_required":          {"sign_in_again", WaySignIn},
	"session_already_available":         {"signed_in", WayHome},
	"session_verified_address_required": {"unconfirmed", WayVerify},
	"identity_disabled":                 {"disabled", WayHome},
	"session_is_current":                {"current_session", WayAccount},
	"session_not_found":                 {"session_ended", WayAccount},
	"session_ended":                     {"session_ended", WayAccount},
	"sessions_not_found":                {"session_ended", WayAccount},
	"trusted_devices_disabled":          {"switched_off", WayHome},
	"trusted_device_needs_browser":      {"bad_request", WayHome},
	"logout_token_missing":              {"not_signed_out", WayHome},
	"logout_token_invalid":              {"not_signed_out", WayHome},

	"self_service_flow_expired":             {"expired", WayHome},
	"self_service_flow_replaced":            {"expired", WayHome},
	"self_service_flow_not_found":           {"unknown", WayHome},
	"self_service_flow_missing":             {"incomplete", WayHome},
	"self_service_flow_disabled":            {"switched_off", WayHome},
	"self_service_method_disabled":          {"switched_off", WayHome},
	"self_service_flow_return_to_forbidden": {"return_address", WayHome},
	"self_service_flow_return_to_malformed": {"return_address", WayHome},
	"browser_location_change_required":      {"sign_in_again", WaySignIn},
	"security_csrf_violation":               {"cookies", WayHome},
	"security_identity_mismatch":            {"other_person", WayHome},
	"aal_invalid":                           {"bad_request", WayHome},
	"identity_schema_not_selectable":        {"bad_request", WayHome},
	"api_flow_from_browser":                 {"bad_request", WayHome},
	"error_not_found":                       {"unknown", WayHome},
	"page_not_found":                        {"unknown", WayHome},

	"bad_request":              {"bad_request", WayHome},
	"body_malformed":           {"bad_request", WayHome},
	"body_too_large":           {"too_large", WayHome},
	"content_type_unsupported": {"bad_request", WayHome},
	"parameter_invalid":        {"bad_request", WayHome},
	"page_token_invalid":       {"bad_request", WayHome},
	"id_malformed":             {"incomplete", WayHome},
	"too_many_requests":        {"busy", WayHome},
	"timeout":                  {"unavailable", WayHome},
	"client_closed_request":    {"unavailable", WayHome},

	"identity_not_found":              {"unknown", WayHome},
	"identity_conflict":               {"taken", WayHome},
	"identity_changed_meanwhile":      {"changed_meanwhile", WayAccount},
	"identity_schema_not_found":       {"misconfigured", WayHome},
	"identity_traits_invalid":         {"bad_request", WayHome},
	"credential_not_found":            {"changed_meanwhile", WayAccount},
	"credential_is_last_first_factor": {"last_way_in", WayAccount},
	"credential_name_invalid":         {"bad_request", WayAccount},
	"account_deletion_disabled":       {"switched_off", WayHome},
	"account_deletion_link_invalid":   {"unknown", WayHome},

	"invalid_configuration": {"misconfigured", WayHome},
	"upstream_error":        {"unavailable", WayHome},
	"database_unavailable":  {"unavailable", WayHome},
	"not_ready":             {"unavailable", WayHome},
	"internal_error":        {"internal", WayHome},
}

// byStatus are those of errors that we do not know, by their HTTP status.
var byStatus = map[int]fault{
	http.StatusUnauthorized:          {"signed_out", WaySignIn},
	http.StatusForbidden:             {"forbidden", WayHome},
	http.StatusNotFound:              {"unknown", WayHome},
	http.StatusMethodNotAllowed:      {"bad_request", WayHome},
	http.StatusConflict:              {"changed_meanwhile", WayHome},
	http.StatusGone:                  {"expired", WayHome},
	http.StatusRequestEntityTooLarge: {"too_large", WayHome},
	http.StatusTooManyRequests:       {"busy", WayHome},
	http.StatusBadGateway:            {"unavailable", WayHome},
	http.StatusServiceUnavailable:    {"unavailable", WayHome},
	http.StatusGatewayTimeout:        {"unavailable", WayHome},
}

// Fault says an error to a person, by its id, or where we do not know that, by its
// HTTP status.
func (l *Language) Fault(id string, status int) Fault {
	f, known := faults[id]
	if !known {
		f, known = byStatus[status]
	}
	if !known && status >= 400 && status < 500 {
		f = fault{"bad_request", WayHome}
	} else if !known {
		f = fault{"internal", WayHome}
	}
	texts := l.words.Faults[f.texts]
	return Fault{Heading: texts.Heading, Text: texts.Text, Way: f.way, Button: l.words.Ways[f.way]}
}
