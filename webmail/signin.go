package webmail

import (
	"net/http"

	"schulhof/directory"
	"schulhof/store/fault"
)

// signInPage is what the sign-in page shows.
type signInPage struct {
	Login   string
	Problem string // one sentence; "" for none
}

// front shows the way in, or the first page of who is in.
func (x *exchange) front() error {
	if x.who == nil {
		return x.showSignIn()
	}
	return x.seeOther(home)
}

func (x *exchange) showSignIn() error {
	if x.who != nil {
		return x.seeOther(home)
	}
	x.page(http.StatusOK, "signin", signInPage{})
	return nil
}

// signIn begins a session for who knows the account's own password: what opens one device does not open the account. Every refusal reads the
// same, whoever there is.
func (x *exchange) signIn() error {
	if err := x.form(); err != nil {
		return err
	}
	ctx, login := x.r.Context(), x.r.PostFormValue("login")
	id, err := x.srv.dir.Authenticate(ctx, directory.Attempt{
		Login: login, Secret: x.r.PostFormValue("password"), Remote: x.remote, Need: 0, Door: "webmail",
	})
	if len(login) > directory.MaxLoginBytes {
		login = ""
	}
	switch {
	case fault.Is(err, fault.Unauthenticated):
		x.srv.log.Info("login failed", "door", "webmail", "remote", x.remote.String())
		x.page(http.StatusForbidden, "signin", signInPage{Login: login, Problem: x.lang.text("signin.wrong")})
		return nil
	case fault.Is(err, fault.Throttled):
		x.srv.log.Warn("login throttled", "door", "webmail", "remote", x.remote.String())
		x.page(http.StatusTooManyRequests, "signin", signInPage{Login: login, Problem: x.lang.text("signin.later")})
		return nil
	case err != nil:
		return err
	}
	if old := tokenOf(x.r); old != "" { // whoever used this browser before
		if err := x.srv.end(ctx, old, nil); err != nil {
			return err
		}
	}
	token, err := x.srv.begin(ctx, id)
	if err != nil {
		return err
	}
	http.SetCookie(x.w, cookie(x.r, token))
	x.srv.log.Info("signed in", "door", "webmail", "account", id.Account.Login, "remote", x.remote.String())
	return x.seeOther(home)
}

// signOut ends the session, here and in the database.
func (x *exchange) signOut() error {
	if token := tokenOf(x.r); token != "" {
		if err := x.srv.end(x.r.Context(), token, nil); err != nil {
			return err
		}
	}
	http.SetCookie(x.w, cookie(x.r, ""))
	x.w.Header().Set("Clear-Site-Data", `"cache"`)
	return x.seeOther("/")
}
