package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"

	"schulhof/directory"

	"github.com/micromdm/plist"
	"github.com/smallstep/pkcs7"
)

// profile answers with a configuration profile for Apple's devices: mail, calendars and contacts in one step, and trust in our
// own authority where the certificate comes from it. It holds no secret: the device asks for the password. It is signed
// with the server's certificate. Source: Apple's Device Management, "Configuration profile keys".
func (d *discovery) profile(w http.ResponseWriter, r *http.Request) {
	address, ok := d.address(w, r)
	if !ok {
		return
	}
	body, err := d.signedProfile(address)
	if err != nil {
		http.Error(w, "the profile cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-apple-aspen-config")
	w.Header().Set("Content-Disposition", `attachment; filename="`+fileNameOf(address.String())+`.mobileconfig"`)
	w.Write(body)
}

func (d *discovery) signedProfile(address directory.Address) ([]byte, error) {
	payloads, err := d.payloads(address)
	if err != nil {
		return nil, err
	}
	body, err := plist.MarshalIndent(map[string]any{
		"PayloadContent": payloads, "PayloadDisplayName": directory.DisplayDomain(address.Domain), "PayloadIdentifier": profileName(address.Domain),
		"PayloadDescription": "E-Mail, Kalender, Kontakte / mail, calendars, contacts", "PayloadOrganization": directory.DisplayDomain(address.Domain),
		"PayloadType": "Configuration", "PayloadUUID": profileUUID(address.String(), "profile"), "PayloadVersion": 1, "PayloadRemovalDisallowed": false,
	}, "\t")
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	certificate := d.certificate()
	signed, err := pkcs7.NewSignedData(body)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	signed.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := signed.AddSigner(leaf, certificate.PrivateKey, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("sign the profile: %w", err)
	}
	for _, der := range certificate.Certificate[1:] {
		above, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		signed.AddCertificate(above)
	}
	return signed.Finish()
}

// payloads are the profile's parts: each service that is on.
func (d *discovery) payloads(address directory.Address) ([]map[string]any, error) {
	var list []map[string]any
	add := func(kind, name string, keys map[string]any) {
		keys["PayloadType"], keys["PayloadVersion"], keys["PayloadDisplayName"] = kind, 1, name
		keys["PayloadIdentifier"] = profileName(address.Domain) + "." + strings.TrimPrefix(kind, "com.apple.")
		keys["PayloadUUID"] = profileUUID(address.String(), kind)
		list = append(list, keys)
	}
	title, host := directory.DisplayDomain(address.Domain), d.config.Server.Hostname
	imap, reads := portOf(d.config.Listen.IMAPS)
	smtp, sends := portOf(d.config.Listen.Submissions)
	if reads && sends {
		add("com.apple.mail.managed", title, map[string]any{
			"EmailAccountType": "EmailTypeIMAP", "EmailAccountDescription": title, "EmailAddress": address.String(),
			"IncomingMailServerAuthentication": "EmailAuthPassword", "IncomingMailServerHostName": host, "IncomingMailServerPortNumber": imap,
			"IncomingMailServerUseSSL": true, "IncomingMailServerUsername": address.String(),
			"OutgoingMailServerAuthentication": "EmailAuthPassword", "OutgoingMailServerHostName": host, "OutgoingMailServerPortNumber": smtp,
			"OutgoingMailServerUseSSL": true, "OutgoingMailServerUsername": address.String(), "OutgoingPasswordSameAsIncomingPassword": true,
		})
	}
	if web, ok := portOf(d.config.Listen.HTTPS); ok {
		add("com.apple.caldav.account", title, map[string]any{
			"CalDAVAccountDescription": title, "CalDAVHostName": host, "CalDAVPort": web, "CalDAVUseSSL": true, "CalDAVUsername": address.String(),
		})
		add("com.apple.carddav.account", title, map[string]any{
			"CardDAVAccountDescription": title, "CardDAVHostName": host, "CardDAVPort": web, "CardDAVUseSSL": true, "CardDAVUsername": address.String(),
		})
	}
	root, err := readPEM(filepath.Join(filepath.Dir(d.config.TLS.Certificate), authorityCert), "CERTIFICATE")
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil // a certificate that devices trust already
	}
	if err != nil {
		return nil, err
	}
	add("com.apple.security.root", title, map[string]any{"PayloadContent": root, "PayloadCertificateFileName": authorityCert})
	return list, nil
}

// profileName is the name of domain's profiles, reversed as Apple writes them.
func profileName(domain string) string {
	labels := strings.Split(domain, ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".") + ".schulhof"
}

// profileUUID is always the same for an address and a part, so that a profile that is loaded again replaces the old one.
// The form is that of version 8, RFC 9562 §5.8.
func profileUUID(address, part string) string {
	sum := sha256.Sum256([]byte(address + "\x00" + part))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	text := hex.EncodeToString(sum[:16])
	return strings.ToUpper(text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:])
}
