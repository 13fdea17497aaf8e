// Package queue keeps mail that leaves, or that waits, and sends it. It owns the tables queue_* and route.
//
// # How mail is kept
//
// A message is enqueued in the transaction that accepts it ([Queue.Enqueue]). Its recipients are grouped by destination: the
// domain, or the smart host that a route names. Each group is a delivery, one transaction of SMTP, with its own time of the
// next try. A destination is a row too: it says from when there may be something to do for it. So what the scheduler reads
// depends on the destinations whose turn it is, not on how much waits; a dead one with ten thousand messages costs one row.
//
// # How it is sent
//
// One goroutine (scheduler.go) owns everything that is under way: lanes, one for each destination with work, and workers, one
// for each connection. It sleeps until something is enqueued, a worker is done, or the next time has come. Workers do one
// delivery after the other on a connection (attempt.go): they say in the database that they are about to send the last dot,
// send it, and write the outcome, together with what the sender is told, in one commit (outcome.go).
//
// # Time
//
// Times in the tables are of the wall clock, which may be set. The scheduler compares it with the time that has really passed,
// and moves what waits by the difference (clock.go): no clock that is set makes mail expire, or keeps it for years.
//
// How a connection is made, and what is said on it, is not this room's business: see [Dialer].
package queue
