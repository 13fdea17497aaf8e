package dsn

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// of lists the recipients with an action.
func (r *Report) of(a Action) (list []Recipient) {
	for _, p := range r.Recipients {
		if p.Action == a {
			list = append(list, p)
		}
	}
	return list
}

// sections are what a report can tell, the most important first.
var sections = []struct {
	action           Action
	subject          string // ASCII
	english, deutsch string
}{
	{Failed, "Not delivered: Nicht zugestellt", "Your message could not be delivered to:", "Ihre Nachricht konnte nicht zugestellt werden an:"},
	{Delayed, "Delayed: Noch nicht zugestellt", "Your message has not been delivered yet to:", "Ihre Nachricht ist noch nicht zugestellt an:"},
	{Delivered, "Delivered: Zugestellt", "Your message was delivered to:", "Ihre Nachricht wurde zugestellt an:"},
	{Relayed, "Relayed: Weitergegeben", "Your message was handed to a server that sends no confirmations, for:",
		"Ihre Nachricht wurde an einen Server weitergegeben, der keine Bestätigungen schickt, für:"},
}

func (r *Report) subject() string {
	for _, s := range sections {
		if len(r.of(s.action)) > 0 {
			return s.subject
		}
	}
	return "Delivery report: Zustellbericht"
}

// forPeople writes the part that the sender reads: German first, then the same in English.
func (r *Report) forPeople(b *bytes.Buffer) {
	for _, german := range []bool{true, false} {
		for _, s := range sections {
			list := r.of(s.action)
			if len(list) == 0 {
				continue
			}
			lead := s.english
			if german {
				lead = s.deutsch
			}
			fmt.Fprintf(b, "%s\r\n\r\n", lead)
			for _, p := range list {
				p.forPeople(b, german)
			}
			b.WriteString("\r\n")
			if s.action == Delayed {
				r.patience(b, german)
			}
		}
		if german {
			b.WriteString("--- English ---\r\n\r\n")
		}
	}
	said := slices.DeleteFunc(slices.Clone(r.Recipients), func(p Recipient) bool { return p.Text == "" || p.Action == Delivered || p.Action == Relayed })
	if len(said) == 0 {
		return
	}
	b.WriteString("--- Details ---\r\n\r\n")
	for _, p := range said {
		from := ""
		if p.Host != "" {
			from = "[" + clean(p.Host, true) + "] "
		}
		fmt.Fprintf(b, "%s:\r\n  %s\r\n", clean(p.Address, true), clean(from+p.reply(), true))
	}
}

// forPeople writes one recipient with the reason in plain words.
func (p *Recipient) forPeople(b *bytes.Buffer, german bool) {
	fmt.Fprintf(b, "  %s\r\n", clean(p.Address, true))
	if p.Action == Delivered || p.Action == Relayed {
		return
	}
	if why := reason(p.Status, german); why != "" {
		fmt.Fprintf(b, "    %s\r\n", why)
	}
}

// patience says what happens next to what is delayed.
func (r *Report) patience(b *bytes.Buffer, german bool) {
	until := ""
	if !r.RetryUntil.IsZero() {
		until = r.RetryUntil.Format("02.01.2006 15:04 MST")
		if !german {
			until = r.RetryUntil.Format(time.RFC1123)
		}
	}
	switch {
	case german && until != "":
		fmt.Fprintf(b, "Sie müssen nichts tun: Der Server versucht es weiter, bis %s.\r\n\r\n", until)
	case german:
		b.WriteString("Sie müssen nichts tun: Der Server versucht es weiter.\r\n\r\n")
	case until != "":
		fmt.Fprintf(b, "You need not do anything: the server keeps trying until %s.\r\n\r\n", until)
	default:
		b.WriteString("You need not do anything: the server keeps trying.\r\n\r\n")
	}
}

// reasons are the status codes of RFC 3463 in words, without their class; a shorter key stands for all that begin so.
var reasons = map[string][2]string{ // English, German
	"1.1":  {"The address does not exist there. Please check how it is spelled.", "Diese Adresse gibt es dort nicht. Bitte prüfen Sie die Schreibweise."},
	"1.2":  {"There is no such mail domain. Please check what follows the @.", "Diese Mail-Domain gibt es nicht. Bitte prüfen Sie, was hinter dem @ steht."},
	"1.10": {"This domain takes no mail.", "Diese Domain nimmt keine Mail an."},
	"1":    {"The address was not accepted there.", "Die Adresse wurde dort nicht angenommen."},
	"2.1":  {"The mailbox is disabled.", "Das Postfach ist gesperrt."},
	"2.2":  {"The mailbox is full.", "Das Postfach ist voll."},
	"2.3":  {"The message is larger than the recipient may get.", "Die Nachricht ist größer, als der Empfänger erhalten darf."},
	"2":    {"The mailbox does not take the message.", "Das Postfach nimmt die Nachricht nicht an."},
	"3.4":  {"The message is too large for the recipient's server.", "Die Nachricht ist zu groß für den Server des Empfängers."},
	"3":    {"The recipient's server has a problem.", "Der Server des Empfängers hat ein Problem."},
	"4.1":  {"The recipient's server does not answer.", "Der Server des Empfängers antwortet nicht."},
	"4.4":  {"The recipient's server could not be found.", "Der Server des Empfängers wurde nicht gefunden."},
	"4.6":  {"The message went round in circles.", "Die Nachricht lief im Kreis."},
	"4.7":  {"It was tried for days without success.", "Es wurde tagelang vergeblich versucht."},
	"4":    {"The recipient's server cannot be reached.", "Der Server des Empfängers ist nicht erreichbar."},
	"5":    {"The recipient's server did not understand us.", "Der Server des Empfängers hat uns nicht verstanden."},
	"6.7":  {"The recipient's server does not take addresses with such letters.", "Der Server des Empfängers nimmt Adressen mit solchen Buchstaben nicht an."},
	"6":    {"The recipient's server does not take this kind of content.", "Der Server des Empfängers nimmt diese Art von Inhalt nicht an."},
	"7.10": {"The connection could not be encrypted as it must be.", "Die Verbindung ließ sich nicht so verschlüsseln, wie sie muss."},
	"7":    {"The recipient's server refuses the message by its rules.", "Der Server des Empfängers lehnt die Nachricht nach seinen Regeln ab."},
	"0":    {"The recipient's server did not take the message.", "Der Server des Empfängers hat die Nachricht nicht angenommen."},
}

// reason is a status in plain words, "" for one of no valid form.
func reason(status string, german bool) string {
	_, detail, ok := strings.Cut(status, ".")
	if !ok {
		return ""
	}
	subject, _, _ := strings.Cut(detail, ".")
	for _, key := range []string{detail, subject, "0"} {
		if words, ok := reasons[key]; ok {
			if german {
				return words[1]
			}
			return words[0]
		}
	}
	return ""
}
