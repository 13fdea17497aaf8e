package webmail

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"schulhof/store/fault"
)

// settingsPage is what the settings show.
type settingsPage struct {
	Undo    int   // seconds, as it is now
	Choices []int // seconds
	Saved   bool
}

// undoChoices are the seconds that people choose from; what an administrator has set stands among them.
func undoChoices(now int) []int {
	list := []int{0, 5, 10, 30}
	if !slices.Contains(list, now) {
		list = append(list, now)
		slices.Sort(list)
	}
	return list
}

func (x *exchange) showSettings() error {
	now := int(x.srv.o.Queue.UndoOf(x.who.Account.ID) / time.Second)
	x.page(http.StatusOK, "settings", settingsPage{Undo: now, Choices: undoChoices(now), Saved: x.r.URL.Query().Has("saved")})
	return nil
}

// setSettings sets how long the person can take back what they sent.
func (x *exchange) setSettings() error {
	if err := x.form(); err != nil {
		return err
	}
	n, err := strconv.Atoi(x.r.PostFormValue("undo"))
	if err != nil || n < 0 || n > maxUndoSeconds {
		return fault.New(fault.Invalid, "undo: no such number of seconds")
	}
	if err := x.srv.o.Queue.SetUndo(x.r.Context(), x.who.Account.ID, time.Duration(n)*time.Second); err != nil {
		return err
	}
	return x.seeOther("/settings?saved")
}
