package webmail

import (
	"net/http"

	"schulhof/store/fault"
)

// statusOf is the answer to each kind of fault, with the sentence for it. RFC 9110 §15.
func statusOf(kind fault.Kind) (status int, key string) {
	switch kind {
	case fault.NotFound, fault.Expired:
		return http.StatusNotFound, "error.notfound"
	case fault.Forbidden, fault.Refused:
		return http.StatusForbidden, "error.forbidden"
	case fault.Unauthenticated:
		return http.StatusForbidden, "error.signin" // 401 would ask for HTTP's own login
	case fault.Throttled:
		return http.StatusTooManyRequests, "error.later"
	case fault.Invalid:
		return http.StatusBadRequest, "error.invalid"
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, "error.toolarge"
	case fault.Limit:
		return http.StatusUnprocessableEntity, "error.limit"
	case fault.OverQuota:
		return http.StatusInsufficientStorage, "error.quota"
	case fault.AlreadyExists, fault.Conflict, fault.InUse:
		return http.StatusConflict, "error.conflict"
	case fault.Unavailable:
		return http.StatusServiceUnavailable, "error.unavailable"
	case fault.Internal:
	}
	return http.StatusInternalServerError, "error.internal"
}

// answer says no: with the way in to who has not signed in, else with a page.
func (x *exchange) answer(err error) {
	kind := fault.KindOf(err)
	switch kind {
	case fault.Internal, fault.Unavailable:
		x.srv.log.Error("webmail", "method", x.r.Method, "path", x.r.URL.Path, "err", err)
	default:
		x.srv.log.Debug("webmail", "method", x.r.Method, "path", x.r.URL.Path, "err", err)
	}
	status, key := statusOf(kind)
	if kind == fault.Unauthenticated {
		x.page(status, "signin", signInPage{Problem: x.lang.text(key)})
		return
	}
	sentence := x.lang.text(key)
	if kind == fault.Refused && fault.TextOf(err) != "" { // a rule of the school, in both languages
		sentence = fault.TextOf(err)
	}
	x.page(status, "error", sentence)
}
