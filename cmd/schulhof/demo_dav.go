package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/store/fault"
)

// demoShelf lists files: where they are, and what makes them. A name that ends with a slash is a folder.
var demoShelf = []struct{ owner, name string }{
	{"katharina.boehm", "Unterricht/"},
	{"katharina.boehm", "Unterricht/Mathe 7b/"},
	{"katharina.boehm", "Unterricht/Mathe 7b/Arbeit 2 Entwurf.pdf"},
	{"katharina.boehm", "Unterricht/Mathe 7b/Notizen.txt"},
	{"katharina.boehm", "Unterricht/Parabel.png"},
	{"katharina.boehm", "Privat/"},
	{"katharina.boehm", "Privat/Einkaufszettel.txt"},
	{"jonas.mueller", "Referat Wale/"},
	{"jonas.mueller", "Referat Wale/Gliederung.txt"},
	{"jonas.mueller", "Referat Wale/Handout.pdf"},
	{"7b", "Arbeitsblätter/"},
	{"7b", "Arbeitsblätter/Bruchrechnung.pdf"},
	{"7b", "Arbeitsblätter/Prozente – Übung 3.pdf"},
	{"7b", "Wandertage/"},
	{"7b", "Wandertage/Elternbrief.pdf"},
	{"7b", "Wandertage/Packliste.txt"},
	{"mathe-10c", "Übungsblatt 4.pdf"},
	{"mathe-10c", "Parabel.png"},
	{"schach-ag", "Aufstellung.csv"},
	{"lehrerzimmer", "Medienkonzept Entwurf.pdf"},
	{"lehrerzimmer", "Vertretungsregelung.pdf"},
	{"lehrerzimmer", "Vorlagen/"},
	{"lehrerzimmer", "Vorlagen/Elternbrief.pdf"},
}

var demoNotes = map[string]string{
	"Notizen.txt":        "Stunde am Mittwoch: Wiederholung Kürzen und Erweitern.\r\nZoë braucht das Blatt in größerer Schrift.\r\n",
	"Einkaufszettel.txt": "Milch\r\nKaffee fürs Lehrerzimmer\r\nKreide (weiß, gelb)\r\n",
	"Gliederung.txt":     "1. Bartenwale und Zahnwale\r\n2. Walgesang\r\n3. Walfang früher und heute\r\n4. Quellen\r\n",
	"Packliste.txt":      "Regenjacke\r\nfeste Schuhe\r\nSchlafsack\r\nTaschengeld (höchstens 20 €)\r\nkein Handy\r\n",
}

// demoDAV fills calendars, task lists, address books and folders.
type demoDAV struct {
	rooms  *rooms
	people map[string]directory.Account
}

func (d *demoDAV) fill(ctx context.Context, now time.Time) error {
	for i, e := range demoEvents {
		uid := fmt.Sprintf("event-%d@%s", i+1, demoDomain)
		object, err := e.object(uid, now)
		if err != nil {
			return err
		}
		if err := d.put(ctx, e.owner, collection.Calendars, "calendar/"+uid+".ics", "text/calendar; charset=utf-8", object); err != nil {
			return fmt.Errorf("event %s: %w", e.summary, err)
		}
	}
	for i, t := range demoTasks {
		uid := fmt.Sprintf("task-%d@%s", i+1, demoDomain)
		if err := d.put(ctx, t.owner, collection.Calendars, "tasks/"+uid+".ics", "text/calendar; charset=utf-8", t.object(uid, now)); err != nil {
			return fmt.Errorf("task %s: %w", t.summary, err)
		}
	}
	for i, c := range demoContacts {
		uid := fmt.Sprintf("contact-%d@%s", i+1, demoDomain)
		if err := d.put(ctx, c.owner, collection.Contacts, "contacts/"+uid+".vcf", "text/vcard; charset=utf-8", c.object(uid)); err != nil {
			return fmt.Errorf("contact %s: %w", c.family, err)
		}
	}
	for _, f := range demoShelf {
		if err := d.shelve(ctx, f.owner, f.name); err != nil {
			return fmt.Errorf("file %s of %s: %w", f.name, f.owner, err)
		}
	}
	return nil
}

// shelve makes a folder or a file.
func (d *demoDAV) shelve(ctx context.Context, owner, name string) error {
	if folder, ok := strings.CutSuffix(name, "/"); ok {
		who, p, err := d.place(ctx, owner, collection.Files, folder)
		if err != nil {
			return err
		}
		_, err = d.rooms.DAV.Make(ctx, who, p, collection.MakeOptions{Kind: collection.Folder})
		return err
	}
	contentType, content := "text/plain; charset=utf-8", []byte(demoNotes[path.Base(name)])
	if len(content) == 0 {
		var err error
		if contentType, content, err = demoFile(path.Base(name)); err != nil {
			return err
		}
	}
	return d.put(ctx, owner, collection.Files, name, contentType, content)
}

func (d *demoDAV) put(ctx context.Context, owner string, space collection.Space, name, contentType string, content []byte) (err error) {
	who, p, err := d.place(ctx, owner, space, name)
	if err != nil {
		return err
	}
	spool := d.rooms.DAV.NewSpool()
	defer func() { err = errors.Join(err, spool.Close()) }()
	if _, err := spool.Write(content); err != nil {
		return err
	}
	_, _, err = d.rooms.DAV.Put(ctx, who, p, spool, collection.PutOptions{ContentType: contentType})
	return err
}

// place is where owner, a person or a group, has name, and who may write there.
func (d *demoDAV) place(ctx context.Context, owner string, space collection.Space, name string) (who directory.ID, p collection.Path, err error) {
	p = collection.Path{Space: space, Segments: strings.Split(name, "/")}
	if person, ok := d.people[owner]; ok {
		return person.ID, p, nil
	}
	group, err := d.rooms.Directory.Group(ctx, owner)
	if err != nil {
		return 0, p, err
	}
	if space == collection.Files {
		p.Space, p.Segments = collection.Groups, append([]string{group.Name}, p.Segments...)
	} else {
		p.Owner = group.Name
	}
	who, err = ownerOf(ctx, d.rooms, group)
	return who, p, err
}

// ownerOf is the first of a group's owners who may log in.
func ownerOf(ctx context.Context, r *rooms, group directory.Group) (directory.ID, error) {
	members, err := r.Directory.Members(ctx, group.ID)
	if err != nil {
		return 0, err
	}
	for _, m := range members {
		if m.Owner && m.Account.State == directory.Active {
			return m.Account.ID, nil
		}
	}
	return 0, fault.New(fault.Refused, "group %s has no owner who could do this (\"group member add --role owner\" makes one)", group.Name)
}
