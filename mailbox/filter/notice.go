package filter

import (
	"fmt"

	"schulhof/directory"
	"schulhof/mailbox"
)

// complain plans a message to the owner about a fault of the script, once for each fault of each version of the script.
func (p *planner) complain(owner directory.ID, name string, version [32]byte, problem string) error {
	hash := hashOf(string(version[:]), problem)
	before, err := p.knows(owner, told, hash)
	if before || err != nil {
		return err
	}
	account, err := p.dir.Account(p.ctx, owner)
	if err != nil {
		return fmt.Errorf("owner of a filter: %w", err)
	}
	p.log.Info("mail filter failed", "account", account.Login, "script", name, "problem", problem)
	b := p.head("Mail filter <postmaster@"+p.opts.Hostname+">", account.Address, "Your mail filter has a fault: Ihr Mailfilter hat einen Fehler", "auto-generated")
	appendText(b, fmt.Sprintf("The filter script %q could not be carried out:\n\n  %s\n\nThe message was kept in your inbox. You hear of this fault once.\n\n"+
		"Das Filterskript %[1]q konnte nicht ausgeführt werden (Grund siehe oben).\nDie Nachricht liegt in Ihrem Posteingang. "+
		"Diesen Fehler melden wir Ihnen nur einmal.\n", name, problem))
	notice, err := p.prepare(b)
	if err != nil {
		return err
	}
	p.remember(owner, told, hash, toldFor)
	p.keep(-1, mailbox.To{Owner: owner}, notice, nil)
	return nil
}
