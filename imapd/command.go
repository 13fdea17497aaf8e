package imapd

import "context"

// state is the connection's, and a set of them in the tables. RFC 9051 §3.
type state uint8

const (
	notAuthenticated state = 1 << iota
	authenticated
	inMailbox // "selected" in the RFC

	loggedIn = authenticated | inMailbox
	anyState = notAuthenticated | loggedIn
)

// command is one row of the table.
type command struct {
	in    state
	uid   bool // also as UID NAME; conn.uidMode tells which
	fixed bool // sequence numbers must stay while it runs: no EXPUNGE, unless it came as UID NAME. RFC 9051 §7.5.1
	run   func(c *conn, ctx context.Context, p *parser) error
}

// commands is the protocol at a glance.
var commands = map[string]command{
	"CAPABILITY": {in: anyState, run: (*conn).capability},
	"NOOP":       {in: anyState, run: (*conn).noop},
	"LOGOUT":     {in: anyState, run: (*conn).logout},
	"ID":         {in: anyState, run: (*conn).ident},

	"STARTTLS":     {in: notAuthenticated, run: (*conn).startTLS},
	"AUTHENTICATE": {in: notAuthenticated, run: (*conn).authenticate},
	"LOGIN":        {in: notAuthenticated, run: (*conn).login},

	"ENABLE":         {in: loggedIn, run: (*conn).enable},
	"NAMESPACE":      {in: loggedIn, run: (*conn).namespace},
	"UNAUTHENTICATE": {in: loggedIn, run: (*conn).unauthenticate},
	"COMPRESS":       {in: loggedIn, run: (*conn).compress},
	"LIST":           {in: loggedIn, run: (*conn).list},
	"LSUB":           {in: loggedIn, run: (*conn).lsub},
	"CREATE":         {in: loggedIn, run: (*conn).create},
	"DELETE":         {in: loggedIn, run: (*conn).delete},
	"RENAME":         {in: loggedIn, run: (*conn).rename},
	"SUBSCRIBE":      {in: loggedIn, run: (*conn).subscribe},
	"UNSUBSCRIBE":    {in: loggedIn, run: (*conn).unsubscribe},
	"STATUS":         {in: loggedIn, run: (*conn).status},
	"SELECT":         {in: loggedIn, run: (*conn).selectMailbox},
	"EXAMINE":        {in: loggedIn, run: (*conn).examine},
	"IDLE":           {in: loggedIn, run: (*conn).idle},
	"GETQUOTA":       {in: loggedIn, run: (*conn).getQuota},
	"GETQUOTAROOT":   {in: loggedIn, run: (*conn).getQuotaRoot},
	"SETQUOTA":       {in: loggedIn, run: (*conn).setQuota},
	"SETACL":         {in: loggedIn, run: (*conn).setACL},
	"DELETEACL":      {in: loggedIn, run: (*conn).deleteACL},
	"GETACL":         {in: loggedIn, run: (*conn).getACL},
	"LISTRIGHTS":     {in: loggedIn, run: (*conn).listRights},
	"GETMETADATA":    {in: loggedIn, run: (*conn).getMetadata},
	"SETMETADATA":    {in: loggedIn, run: (*conn).setMetadata},
	"NOTIFY":         {in: loggedIn, run: (*conn).notify},
	"MYRIGHTS":       {in: loggedIn, run: (*conn).myRights},

	"APPEND":   {in: loggedIn, run: (*conn).append},
	"FETCH":    {in: inMailbox, uid: true, fixed: true, run: (*conn).fetch},
	"STORE":    {in: inMailbox, uid: true, fixed: true, run: (*conn).store},
	"SEARCH":   {in: inMailbox, uid: true, fixed: true, run: (*conn).search},
	"SORT":     {in: inMailbox, uid: true, fixed: true, run: (*conn).sort},
	"THREAD":   {in: inMailbox, uid: true, fixed: true, run: (*conn).thread},
	"COPY":     {in: inMailbox, uid: true, run: (*conn).copy},
	"MOVE":     {in: inMailbox, uid: true, run: (*conn).move},
	"EXPUNGE":  {in: inMailbox, uid: true, run: (*conn).expunge},
	"REPLACE":  {in: inMailbox, uid: true, run: (*conn).replace},
	"CHECK":    {in: inMailbox, run: (*conn).check},
	"CLOSE":    {in: inMailbox, run: (*conn).close},
	"UNSELECT": {in: inMailbox, run: (*conn).unselect},
}
