package main

import (
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"schulhof/config"
	"schulhof/directory"
)

// Where programs ask for their settings.
const (
	autoconfigPath     = "/mail/config-v1.1.xml"                        // at autoconfig.DOMAIN
	autoconfigSafePath = "/.well-known/autoconfig/mail/config-v1.1.xml" // at DOMAIN
	profilePath        = "/apple.mobileconfig"
)

// discovery tells programs how to reach this server, for an address that somebody typed. It says the same of every address
// at a domain of ours, so that nobody learns from it who has an account.
type discovery struct {
	config      *config.Config
	directory   *directory.Directory
	certificate func() *tls.Certificate // signs profiles
}

func (d *discovery) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+autoconfigPath, d.autoconfig)
	mux.HandleFunc("GET "+autoconfigSafePath, d.autoconfig)
	mux.HandleFunc("GET "+profilePath, d.profile)
	mux.HandleFunc("GET "+stsPath, d.serveSTS)
}

// address is the address that the request names; its domain must be ours. ok is false when the request has been answered.
func (d *discovery) address(w http.ResponseWriter, r *http.Request) (address directory.Address, ok bool) {
	address, err := directory.ParseAddress(r.URL.Query().Get("emailaddress"))
	if err != nil {
		http.Error(w, "emailaddress= must name a mail address", http.StatusBadRequest)
		return address, false
	}
	local, err := d.directory.IsLocalDomain(r.Context(), address.Domain)
	if err != nil || !local {
		http.Error(w, "no domain of this server", http.StatusNotFound)
		return address, false
	}
	return address, true
}

// clientConfig is the answer of autoconfig, version 1.1. Source: draft-ietf-mailmaint-autoconfig.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Version  string   `xml:"version,attr"`
	Provider struct {
		ID        string          `xml:"id,attr"`
		Domain    string          `xml:"domain"`
		Name      string          `xml:"displayName"`
		ShortName string          `xml:"displayShortName"`
		Incoming  []serverConfig  `xml:"incomingServer"`
		Outgoing  []serverConfig  `xml:"outgoingServer"`
		Books     []serviceConfig `xml:"addressBook"`
		Calendars []serviceConfig `xml:"calendar"`
		Files     []serviceConfig `xml:"fileShare"`
	} `xml:"emailProvider"`
}

type serverConfig struct {
	Type           string `xml:"type,attr"`
	Hostname       string `xml:"hostname"`
	Port           int    `xml:"port"`
	SocketType     string `xml:"socketType"`
	Authentication string `xml:"authentication"`
	Username       string `xml:"username"`
}

type serviceConfig struct {
	Type           string `xml:"type,attr"`
	Username       string `xml:"username"`
	Authentication string `xml:"authentication"`
	URL            string `xml:"serverURL"`
}

// autoconfig answers Thunderbird and the programs that follow it. Without an address it speaks of the main domain.
func (d *discovery) autoconfig(w http.ResponseWriter, r *http.Request) {
	var domain string
	if r.URL.Query().Has("emailaddress") {
		address, ok := d.address(w, r)
		if !ok {
			return
		}
		domain = address.Domain
	} else {
		domains, err := d.directory.Domains(r.Context())
		if err != nil || len(domains) == 0 {
			http.NotFound(w, r)
			return
		}
		domain = domains[0]
	}
	body, err := xml.MarshalIndent(d.clientConfig(domain), "", "  ")
	if err != nil {
		http.Error(w, "the settings cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	fmt.Fprintf(w, "%s%s\n", xml.Header, body)
}

func (d *discovery) clientConfig(domain string) (c clientConfig) {
	c.Version = "1.1"
	p := &c.Provider
	p.ID, p.Domain, p.Name, p.ShortName = domain, domain, directory.DisplayDomain(domain), directory.DisplayDomain(domain)
	server := func(list *[]serverConfig, kind, socket string, addresses []string) {
		if port, ok := portOf(addresses); ok {
			*list = append(*list, serverConfig{kind, d.config.Server.Hostname, port, socket, "password-cleartext", "%EMAILADDRESS%"})
		}
	}
	server(&p.Incoming, "imap", "SSL", d.config.Listen.IMAPS)
	server(&p.Incoming, "imap", "STARTTLS", d.config.Listen.IMAP)
	server(&p.Outgoing, "smtp", "SSL", d.config.Listen.Submissions)
	server(&p.Outgoing, "smtp", "STARTTLS", d.config.Listen.Submission)
	if base, ok := webBase(d.config); ok {
		p.Books = []serviceConfig{{"carddav", "%EMAILADDRESS%", "http-basic", base + "/dav/"}}
		p.Calendars = []serviceConfig{{"caldav", "%EMAILADDRESS%", "http-basic", base + "/dav/"}}
		p.Files = []serviceConfig{{"webdav", "%EMAILADDRESS%", "http-basic", base + "/webdav/"}}
	}
	return c
}

// webBase is the address of what HTTPS serves, without a slash at its end.
func webBase(c *config.Config) (base string, ok bool) {
	port, ok := portOf(c.Listen.HTTPS)
	if !ok {
		return "", false
	}
	if port == 443 {
		return "https://" + c.Server.Hostname, true
	}
	return "https://" + net.JoinHostPort(c.Server.Hostname, strconv.Itoa(port)), true
}

// portOf is the port of the first of a service's addresses; ok is false for a service that is off.
func portOf(addresses []string) (port int, ok bool) {
	if len(addresses) == 0 {
		return 0, false
	}
	_, text, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return 0, false
	}
	port, err = strconv.Atoi(text)
	return port, err == nil
}

// fileNameOf makes a name for a download from an address: letters, digits, dots and hyphens.
func fileNameOf(address string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, address)
}
