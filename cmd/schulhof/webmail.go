package main

import (
	"schulhof/config"
	"schulhof/webmail"
)

// newWebmail makes people's pages.
func newWebmail(r *rooms) (*webmail.Server, error) {
	return webmail.New(webmail.Options{
		Store: r.Store, Directory: r.Directory, Queue: r.Queue, Log: r.Log.With("room", "webmail"),
		AllowPlaintextLoopback: r.Config.Security.AllowPlaintextAuth == config.PlaintextLoopback,
	})
}
