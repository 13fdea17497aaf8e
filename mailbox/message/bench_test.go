package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

// typicalMail is what a school's server sees most: trace headers, an umlaut or two, and about 3 KB of plain text.
func typicalMail() []byte {
	text := strings.Repeat("Liebe Eltern, am Freitag findet der Wandertag statt. Bitte geben Sie Ihrem Kind\r\nVerpflegung und wetterfeste Kleidung mit.\r\n", 24)
	return []byte("Return-Path: <lehrer@school.test>\r\n" +
		"Received: from mx.school.test (mx.school.test [192.0.2.7])\r\n\tby mail.school.test with ESMTPS id abc123;\r\n\tMon, 2 Nov 2026 10:11:12 +0100\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=school.test; s=s1;\r\n\tb=" + strings.Repeat("QUJD", 60) + "\r\n" +
		"From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <juergen.mueller@school.test>\r\n" +
		"To: Anna Schmidt <anna.schmidt@school.test>, \"Becker, Jonas\" <jonas.becker@school.test>\r\n" +
		"Cc: sekretariat@school.test\r\n" +
		"Subject: Re: =?utf-8?q?Ausflug_der_7b_am_n=C3=A4chsten_Freitag?=\r\n" +
		"Date: Mon, 2 Nov 2026 10:11:10 +0100\r\n" +
		"Message-ID: <20261102.1011@school.test>\r\nIn-Reply-To: <20261101.0900@school.test>\r\n" +
		"References: <20261031.0800@school.test> <20261101.0900@school.test>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text)
}

// attachedMail is typicalMail with an HTML form and an attachment; about size bytes.
func attachedMail(size int) []byte {
	head, body, _ := bytes.Cut(typicalMail(), []byte("Content-Type: text/plain"))
	var b bytes.Buffer
	b.Write(head)
	b.WriteString("Content-Type: multipart/mixed; boundary=\"=_outer\"\r\n\r\nThis is a message in MIME format.\r\n--=_outer\r\n" +
		"Content-Type: multipart/alternative; boundary=\"=_inner\"\r\n\r\n--=_inner\r\nContent-Type: text/plain")
	b.Write(body)
	b.WriteString("\r\n--=_inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		"<html><body><p>Gr=C3=BC=C3=9Fe aus der Schule</p></body></html>\r\n--=_inner--\r\n--=_outer\r\n" +
		"Content-Type: application/pdf; name=\"Elternbrief.pdf\"\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename*=utf-8''Elternbrief%20M%C3%A4rz.pdf\r\n\r\n")
	line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1, 2, 3}, 19))
	for b.Len() < size-20 {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("--=_outer--\r\n")
	return b.Bytes()
}

func benchmarkParse(b *testing.B, mail []byte) {
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	r := bytes.NewReader(mail)
	for b.Loop() {
		if _, err := Parse(r, int64(len(mail))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse4KB(b *testing.B)  { benchmarkParse(b, typicalMail()) }
func BenchmarkParse65KB(b *testing.B) { benchmarkParse(b, attachedMail(65<<10)) }
func BenchmarkParse10MB(b *testing.B) { benchmarkParse(b, attachedMail(10<<20)) }

func BenchmarkStructure(b *testing.B) {
	mail := attachedMail(65 << 10)
	x, err := Parse(bytes.NewReader(mail), int64(len(mail)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Envelope(false)
		x.BodyStructure(false)
	}
}

func BenchmarkWriteText(b *testing.B) {
	mail := attachedMail(8 << 10)
	r := bytes.NewReader(mail)
	x, err := Parse(r, int64(len(mail)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := WriteText(io.Discard, r, x, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	text := strings.Repeat("Grüße aus der Schule, bis morgen früh. ", 100)
	var buf []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendFold(buf[:0], text)
	}
}

func BenchmarkDecodeBase64(b *testing.B) {
	mail := attachedMail(1 << 20)
	r := bytes.NewReader(mail)
	x, err := Parse(r, int64(len(mail)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodedSize(r, x.Find([]int{2})); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPreview(b *testing.B) {
	mail := typicalMail()
	r := bytes.NewReader(mail)
	x, err := Parse(r, int64(len(mail)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Preview(r, x)
	}
}
