package imapd

import (
	"context"

	"schulhof/directory"
	"schulhof/mailbox"
)

// shares does what a directive says of mailboxes that several people use.
func (p *player) shares(word string, args []string) bool {
	ctx := context.Background()
	switch word {
	case "@staff":
		_, _, err := p.dir.AddAccounts(ctx, []directory.NewAccount{{
			Address: args[0] + "@school.test", Name: args[0], Role: directory.Staff, Password: testPassword}})
		p.check(err)
	case "@login":
		c := p.login(args[1])
		p.conns[args[0]] = c
	case "@group":
		g, err := p.dir.AddGroup(ctx, directory.Group{Name: args[0], Kind: directory.Class})
		p.check(err)
		p.check(p.dir.AddMembers(ctx, g.ID, []directory.ID{p.who(args[1])}, true))
		for _, login := range args[2:] {
			p.check(p.dir.AddMembers(ctx, g.ID, []directory.ID{p.who(login)}, false))
		}
		p.check(p.mail.ProvideGroup(ctx, g.ID))
	case "@post":
		p.deliverTo(p.who(args[0]), "From: Ben <ben@school.test>\r\nSubject: "+args[1]+"\r\n\r\nHallo\r\n")
	case "@leave":
		p.check(p.dir.RemoveMembers(ctx, p.who(args[0]), []directory.ID{p.who(args[1])}))
	case "@share":
		rights, err := mailbox.ParseRights(args[3])
		p.check(err)
		p.check(p.mail.AdministerRights(ctx, p.who(args[0]), args[1], args[2], mailbox.GrantReplace, rights))
	default:
		return false
	}
	return true
}

// who is the account or group of a login.
func (p *player) who(login string) directory.ID {
	p.Helper()
	if a, err := p.dir.AccountByAddress(context.Background(), login); err == nil {
		return a.ID
	}
	g, err := p.dir.Group(context.Background(), login)
	p.check(err)
	return g.ID
}
