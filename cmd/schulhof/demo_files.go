package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path"
	"strings"
)

// demoFile makes the contents of an attachment from its name.
func demoFile(name string) (contentType string, content []byte, err error) {
	title := strings.TrimSuffix(name, path.Ext(name))
	switch path.Ext(name) {
	case ".pdf":
		return "application/pdf", demoPDF(title), nil
	case ".png":
		content, err = demoImage(title == "Parabel")
		return "image/png", content, err
	case ".csv":
		return "text/csv", []byte("Brett;Name;Klasse\r\n1;Emre Demir;10c\r\n2;Jonas Müller;7b\r\n3;Ben Schulz;7b\r\n4;Zoë Becker;5a\r\n"), nil
	}
	return "", nil, fmt.Errorf("no maker for %s", name)
}

// demoPDF is one A4 page with a title and some lines (ISO 32000-1 §7.5).
func demoPDF(title string) []byte {
	latin := func(s string) string { // WinAnsiEncoding, which has the German letters where Latin-1 has them
		var b strings.Builder
		for _, r := range s {
			if r > 0xff {
				r = '?'
			}
			if r == '(' || r == ')' || r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(byte(r))
		}
		return b.String()
	}
	page := "BT /F1 24 Tf 72 760 Td (" + latin(title) + ") Tj ET\nBT /F1 12 Tf 72 720 Td 18 TL (" + latin("Gymnasium am Schulhof, Musterstraße 1") + ") Tj T* (" +
		latin("Dieses Blatt gehört zu einer erfundenen Schule.") + ") Tj T* (Unterschrift: ______________________) Tj ET\n"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// demoImage paints a parabola on squared paper, or a sports field in the sun.
func demoImage(parabola bool) ([]byte, error) {
	const width, height = 480, 320
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			if parabola {
				img.Set(x, y, paper(x, y, width, height))
			} else {
				img.Set(x, y, field(x, y, width, height))
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	return b.Bytes(), nil
}

func paper(x, y, width, height int) color.Color {
	u, v := float64(x-width/2)/40, float64(height/2-y)/40
	switch curve := u*u/2 - 3; {
	case math.Abs(v-curve) < 0.06*(1+math.Abs(u)):
		return color.RGBA{0xc0, 0x20, 0x20, 0xff}
	case x == width/2 || y == height/2:
		return color.Black
	case x%40 == 0 || y%40 == 0:
		return color.RGBA{0xb0, 0xc8, 0xe8, 0xff}
	}
	return color.White
}

func field(x, y, width, height int) color.Color {
	sun := math.Hypot(float64(x-width*4/5), float64(y-height/5))
	horizon := height*3/5 + int(12*math.Sin(float64(x)/60))
	switch {
	case y > horizon && (x+2*y)/40%2 == 0:
		return color.RGBA{0x3a, 0x8f, 0x3a, 0xff}
	case y > horizon:
		return color.RGBA{0x46, 0xa0, 0x46, 0xff}
	case sun < 30:
		return color.RGBA{0xff, 0xe0, 0x50, 0xff}
	}
	return color.RGBA{uint8(0x80 + y/4), uint8(0xb0 + y/5), 0xf0, 0xff}
}
