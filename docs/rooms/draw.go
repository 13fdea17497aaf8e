package main

import (
	"fmt"
	"slices"
	"strings"
)

// The picture's measures in pixels.
const (
	boxWidth, boxHeight = 150, 40
	boxGap, rowGap      = 40, 70
	margin              = 30
	labelWidth          = 90
)

// kinds are the rows of the picture, from above; other kinds are not drawn.
var kinds = []string{"program", "protocol", "domain", "engine", "leaf"}

type point struct{ x, y int }

// draw makes an SVG: a row of boxes for each kind, and a line for each import between drawn rooms. An import that
// other imports imply is left out, so that the lines can be followed.
func draw(rooms []room, imports map[string][]string) string {
	places := map[string]point{}
	width := 0
	rows := 0
	for _, kind := range kinds {
		x := margin + labelWidth
		for _, r := range rooms {
			if r.kind == kind {
				places[r.name] = point{x, margin + rows*(boxHeight+rowGap)}
				x += boxWidth + boxGap
			}
		}
		width = max(width, x-boxGap+margin)
		rows++
	}
	height := 2*margin + rows*boxHeight + (rows-1)*rowGap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="14">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	for i, kind := range kinds {
		y := margin + i*(boxHeight+rowGap)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#667788">%s</text>`+"\n", margin, y+boxHeight/2+5, kind)
	}
	for _, r := range rooms {
		from, drawn := places[r.name]
		for _, name := range direct(r.name, imports) {
			if to, ok := places[name]; ok && drawn {
				line(&b, from, to)
			}
		}
	}
	for _, r := range rooms {
		if p, ok := places[r.name]; ok {
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="#eef4fb" stroke="#336699"/>`+"\n", p.x, p.y, boxWidth, boxHeight)
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", p.x+boxWidth/2, p.y+boxHeight/2+5, r.name)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// line goes from the lower edge of one box to the upper edge of another, or between the sides of two in a row.
func line(b *strings.Builder, from, to point) {
	x1, y1, x2, y2 := from.x+boxWidth/2, from.y+boxHeight, to.x+boxWidth/2, to.y
	if from.y == to.y {
		y1, y2 = from.y+boxHeight/2, to.y+boxHeight/2
		x1, x2 = from.x, to.x+boxWidth
		if from.x < to.x {
			x1, x2 = from.x+boxWidth, to.x
		}
	}
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#99aabb"/>`+"\n", x1, y1, x2, y2)
	fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="3" fill="#336699"/>`+"\n", x2, y2)
}

// direct are the imports of name that none of its other imports reaches.
func direct(name string, imports map[string][]string) (list []string) {
	for _, candidate := range imports[name] {
		implied := slices.ContainsFunc(imports[name], func(other string) bool {
			return other != candidate && reaches(other, candidate, imports)
		})
		if !implied {
			list = append(list, candidate)
		}
	}
	return list
}

func reaches(from, to string, imports map[string][]string) bool {
	return from == to || slices.ContainsFunc(imports[from], func(next string) bool { return reaches(next, to, imports) })
}
