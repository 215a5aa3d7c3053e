package auth

import "net/http"

// Every error that leaves the server. The ids are part of the API: those that
// Kratos gives are the same here, the others are ours and stable.
var (
	// Sessions.
	ErrNoSession = &Error{ID: "session_inactive", Status: http.StatusUnauthorized,
		Reason: "There is no active session. Sign in and try again."}
	ErrSessionAlready = &Error{ID: "session_already_available", Status: http.StatusBadRequest,
		Reason: "You are signed in already. Sign out first, or ask for refresh=true to prove again who you are."}
	ErrAAL1Required = &Error{ID: "session_aal1_required", Status: http.StatusUnauthorized,
		Reason: "A second factor can only be asked for in an active session. Sign in first."}
	ErrAAL2Required = &Error{ID: "session_aal2_required", Status: http.StatusForbidden,
		Reason: "This session needs a second factor. Complete it and try again."}
	ErrRefreshRequired = &Error{ID: "session_refresh_required", Status: http.StatusForbidden,
		Reason: "You signed in too long ago for this change. Sign in again to continue."}
	ErrOwnSession = &Error{ID: "session_is_current", Status: http.StatusBadRequest,
		Message: "The session of this very request cannot be revoked here. Sign out instead."}
	ErrUnverified = &Error{ID: "session_verified_address_required", Status: http.StatusForbidden,
		Reason: "You have not confirmed your address yet. Enter the code or open the link that was just sent to you, then sign in again."}
	ErrIdentityInactive = &Error{ID: "identity_disabled", Status: http.StatusUnauthorized,
		Reason: "This account is switched off. Ask the people who run this service."}
	ErrSessionsNone   = &Error{ID: "sessions_not_found", Status: http.StatusNotFound}
	ErrSessionUnknown = &Error{ID: "session_not_found", Status: http.StatusNotFound}
	ErrSessionEnded   = &Error{ID: "session_ended", Status: http.StatusNotFound,
		Reason: "This session has ended, and a session that has ended cannot be extended. The person has to sign in again."}
	ErrTokenUnknown = &Error{ID: "session_token_unknown", Status: http.StatusForbidden,
		Reason: "This session token is not known, or its session has ended already."}
	ErrTokenSubject = &Error{ID: "session_token_subject_missing", Status: http.StatusBadRequest,
		Reason: "Tokens of this kind name their owner by the external id, and the identity of this session has none. Ask the operator to set one."}
	ErrTokenKey = &Error{ID: "session_token_key_missing", Status: http.StatusBadRequest,
		Reason: "There is no key yet to sign tokens of this kind with. Ask the operator to add one."}
	ErrTrustDisabled = &Error{ID: "trusted_devices_disabled", Status: http.StatusNotFound,
		Reason: "Devices are not remembered here. An operator can switch this on with session.trusted_device.enabled."}
	ErrTrustBrowser = &Error{ID: "trusted_device_needs_browser", Status: http.StatusBadRequest,
		Reason: "Only a browser can be trusted, because it is remembered by a cookie: send the session cookie, not a session token."}
	ErrLogoutTokenMissing = &Error{ID: "logout_token_missing", Status: http.StatusBadRequest,
		Reason: "The logout address lacks its token. Ask for a new one at /self-service/logout/browser."}
	ErrLogoutTokenWrong = &Error{ID: "logout_token_invalid", Status: http.StatusForbidden,
		Reason: "This logout address belongs to another session. Ask for a new one at /self-service/logout/browser."}

	// Flows.
	ErrFlowExpired = &Error{ID: "self_service_flow_expired", Status: http.StatusGone,
		Reason: "This form was open for too long. A new one has to be started."}
	ErrFlowDisabled = &Error{ID: "self_service_flow_disabled", Status: http.StatusBadRequest,
		Reason: "This is switched off here. Ask the people who run this service."}
	ErrFlowReplaced = &Error{ID: "self_service_flow_replaced", Status: http.StatusGone}
	ErrFlowUnknown  = &Error{ID: "self_service_flow_not_found", Status: http.StatusNotFound}
	ErrFlowMissing  = &Error{ID: "self_service_flow_missing", Status: http.StatusBadRequest,
		Reason: "The query parameter flow is missing or is not the id of a flow. Start a new flow and use its ui.action."}
	ErrReturnTo = &Error{ID: "self_service_flow_return_to_forbidden", Status: http.StatusBadRequest,
		Reason: "The address in return_to is not on the list of allowed return addresses."}
	ErrReturnToMalformed = &Error{ID: "self_service_flow_return_to_malformed", Status: http.StatusBadRequest,
		Reason: "The address in return_to is not a valid URL."}
	ErrBrowserLocation = &Error{ID: "browser_location_change_required", Status: http.StatusUnprocessableEntity}
	ErrCSRF            = &Error{ID: "security_csrf_violation", Status: http.StatusForbidden,
		Reason: "This request could not be matched with the browser that opened the form. Reload the page, allow cookies, and try again."}
	ErrIdentityMismatch = &Error{ID: "security_identity_mismatch", Status: http.StatusForbidden,
		Reason: "This form was started by somebody else. Start a new one."}
	ErrMethodDisabled = &Error{ID: "self_service_method_disabled", Status: http.StatusNotFound,
		Reason: "This way is switched off here. Choose another one."}
	ErrAAL = &Error{ID: "aal_invalid", Status: http.StatusBadRequest,
		Reason: "The parameter aal must be aal1 or aal2."}
	ErrIdentitySchemaNotSelectable = &Error{ID: "identity_schema_not_selectable", Status: http.StatusBadRequest}
	ErrAPIFromBrowser              = &Error{ID: "api_flow_from_browser", Status: http.StatusBadRequest,
		Reason: "This form was made for an app and was sent by a browser: the request has cookies or an Origin header. Start a browser flow instead."}
	ErrErrorUnknown = &Error{ID: "error_not_found", Status: http.StatusNotFound}
	ErrPageUnknown  = &Error{ID: "page_not_found", Status: http.StatusNotFound,
		Reason: "There is no page at this address."}

	// Deletion of one's own account.
	ErrDeletionDisabled = &Error{ID: "account_deletion_disabled", Status: http.StatusNotFound,
		Reason: "Accounts cannot be deleted here by those who have them. An operator can switch this on with selfservice.flows.deletion.enabled."}
	ErrDeletionLink = &Error{ID: "account_deletion_link_invalid", Status: http.StatusNotFound,
		Reason: "This link does not keep an account any more: its time is over, or there is a newer one. If you still have the account, sign in to keep it."}

	// Requests.
	ErrBadRequest   = &Error{ID: "bad_request", Status: http.StatusBadRequest}
	ErrBody         = &Error{ID: "body_malformed", Status: http.StatusBadRequest}
	ErrBodyTooLarge = &Error{ID: "body_too_large", Status: http.StatusRequestEntityTooLarge,
		Reason: "The request is larger than this server accepts (5 MB)."}
	ErrContentType = &Error{ID: "content_type_unsupported", Status: http.StatusBadRequest}
	ErrParameter   = &Error{ID: "parameter_invalid", Status: http.StatusBadRequest}
	ErrPageToken   = &Error{ID: "page_token_invalid", Status: http.StatusBadRequest,
		Reason: "This page token is not one that this server gave. Begin again without page_token and follow the Link header."}
	ErrUUID    = &Error{ID: "id_malformed", Status: http.StatusBadRequest, Message: "The id in the path is not a UUID."}
	ErrTooBusy = &Error{ID: "too_many_requests", Status: http.StatusTooManyRequests, RetryAfter: 1,
		Reason: "More people are signing in at this moment than this server can check. Wait a moment and try again."}
	ErrTimeout = &Error{ID: "timeout", Status: http.StatusServiceUnavailable, RetryAfter: 1,
		Reason: "The request took too long and was given up."}
	ErrClientGone = &Error{ID: "client_closed_request", Status: 499, Message: "The request was given up.", // the status that proxies use for this
		Reason: "The client closed its side of the connection before the answer was ready. Leave it open until the answer is there, then try again."}

	// Identities.
	ErrIdentityUnknown = &Error{ID: "identity_not_found", Status: http.StatusNotFound}
	ErrConflict        = &Error{ID: "identity_conflict", Status: http.StatusConflict,
		Reason: "Another identity already has this identifier, address or external id."}
	ErrIdentityChanged = &Error{ID: "identity_changed_meanwhile", Status: http.StatusConflict,
		Reason: "Others are changing this identity at the same time. Read it again and repeat the change."}
	ErrSchemaUnknown = &Error{ID: "identity_schema_unknown", Status: http.StatusBadRequest}
	ErrSchemaMissing = &Error{ID: "identity_schema_not_found", Status: http.StatusNotFound}
	ErrTraits        = &Error{ID: "identity_traits_invalid", Status: http.StatusBadRequest}
	ErrState         = &Error{ID: "identity_state_invalid", Status: http.StatusBadRequest,
		Reason: "The state of an identity is either active or inactive."}
	ErrPatch             = &Error{ID: "json_patch_invalid", Status: http.StatusBadRequest}
	ErrPatchDenied       = &Error{ID: "json_patch_path_denied", Status: http.StatusBadRequest}
	ErrPasswordHash      = &Error{ID: "password_hash_unknown", Status: http.StatusBadRequest}
	ErrPasswordEmpty     = &Error{ID: "password_empty", Status: http.StatusBadRequest, Reason: "A password must not be empty."}
	ErrCredentialMissing = &Error{ID: "credential_not_found", Status: http.StatusNotFound}
	ErrCredentialLast    = &Error{ID: "credential_is_last_first_factor", Status: http.StatusBadRequest,
		Reason: "This is the last credential that this identity can sign in with. Add another one first."}
	ErrCredentialName = &Error{ID: "credential_name_invalid", Status: http.StatusBadRequest,
		Reason: "Give the key a name of 1 to 100 characters, none of them a control character."}
	ErrCredentialID = &Error{ID: "credential_identifier_required", Status: http.StatusBadRequest,
		Reason: "Say which credential to delete with the query parameter identifier."}
	ErrCredentialKept = &Error{ID: "credential_type_not_deletable", Status: http.StatusBadRequest}

	// Messages.
	ErrMessageUnknown = &Error{ID: "message_not_found", Status: http.StatusNotFound}

	// API keys.
	ErrAdminKeyRequired = &Error{ID: "admin_key_required", Status: http.StatusUnauthorized, Message: "An API key is needed here.",
		Reason: "Send an API key in the header Authorization, as Bearer and the key. An operator makes one with `zelus keys create`."}
	ErrAdminKeyInvalid = &Error{ID: "admin_key_invalid", Status: http.StatusUnauthorized, Message: "An API key is needed here.",
		Reason: "This API key is not known. See that it is complete and of this server, or make a new one with `zelus keys create`."}
	ErrAdminKeyExpired = &Error{ID: "admin_key_expired", Status: http.StatusUnauthorized, Message: "An API key is needed here.",
		Reason: "This API key has expired. Make a new one with `zelus keys create` and use it instead."}
	ErrAdminKeyRevoked = &Error{ID: "admin_key_revoked", Status: http.StatusUnauthorized, Message: "An API key is needed here.",
		Reason: "This API key was revoked. Make a new one with `zelus keys create` and use it instead."}
	ErrAdminKeyUnknown = &Error{ID: "admin_key_not_found", Status: http.StatusNotFound}
	ErrAdminKeyName    = &Error{ID: "admin_key_name_invalid", Status: http.StatusBadRequest,
		Reason: "Give the key a name of 1 to 100 characters, none of them a control character, that says who uses it."}
	ErrAdminKeyExpiry = &Error{ID: "admin_key_expiry_invalid", Status: http.StatusBadRequest,
		Reason: "A key ends in the future, at most ten years from now: say 90d, 12h or 2w, or leave it out for a key that does not expire."}

	// The server.
	ErrConfiguration = &Error{ID: "invalid_configuration", Status: http.StatusInternalServerError,
		Message: "The server is not configured for this. Tell the operator."}
	ErrUpstream    = &Error{ID: "upstream_error", Status: http.StatusBadGateway}
	ErrUnavailable = &Error{ID: "database_unavailable", Status: http.StatusServiceUnavailable, RetryAfter: 1,
		Reason: "The database does not answer. Nothing was changed."}
	ErrNotReady = &Error{ID: "not_ready", Status: http.StatusServiceUnavailable, RetryAfter: 1,
		Reason: "The server cannot do its work at present. The admin port tells those whom it lets in why; whether the tables are up to date, `zelus migrate sql status` tells without a key."}
	ErrInternal = &Error{ID: "internal_error", Status: http.StatusInternalServerError}
)
