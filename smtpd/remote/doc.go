// Package remote brings mail to other servers: one attempt at a time, to the mail servers of a domain or to a smart
// host, with a result for each recipient. It decides where a domain's mail goes (RFC 5321 §5, RFC 7505) and how well
// the connection has to be protected: DANE (RFC 7672) before MTA-STS (RFC 8461) before TLS where it is offered. Mail
// never leaves in the clear, or to an unproven server, where a policy forbids that. When to try, and what a failure
// means to the sender, is the queue's business.
package remote
