package main

import (
	"context"
	"fmt"
	"strings"

	"schulhof/directory"
)

// demoPerson is one row: role, given name, family name, and the groups the person is in; "*" before a group makes an owner.
type demoPerson struct {
	role          directory.Role
	given, family string
	groups        string
}

var demoPeople = []demoPerson{
	{directory.Teacher, "Katharina", "Böhm", "*7b *mathe-10c lehrerzimmer fachschaft-mathe"},
	{directory.Teacher, "Jürgen", "Großmann", "*5a lehrerzimmer *schach-ag"},
	{directory.Teacher, "Ayşe", "Yıldız", "*10c lehrerzimmer fachschaft-mathe"},
	{directory.Teacher, "Matthias", "Krüger", "lehrerzimmer *fachschaft-mathe"},
	{directory.Teacher, "Birgit", "Schäfer", "lehrerzimmer 5a"},
	{directory.Teacher, "Olaf", "Petersen", "lehrerzimmer"},
	{directory.Teacher, "Hélène", "Marchand", "lehrerzimmer"},
	{directory.Teacher, "Sören", "Lüdemann", "*lehrerzimmer"},
	{directory.Staff, "Gisela", "Köhler", "lehrerzimmer"},
	{directory.Staff, "Uwe", "Jäger", ""},
	{directory.Student, "Mia", "Weiß", "5a"},
	{directory.Student, "Leon", "Schröder", "5a schach-ag"},
	{directory.Student, "Emilia", "Vogel", "5a"},
	{directory.Student, "Noah", "Günther", "5a"},
	{directory.Student, "Zoë", "Becker", "5a schach-ag"},
	{directory.Student, "Finn", "Hübner", "5a"},
	{directory.Student, "Elif", "Kaya", "5a"},
	{directory.Student, "Mats", "Brandt", "5a"},
	{directory.Student, "Jonas", "Müller", "7b schach-ag"},
	{directory.Student, "Lea", "Müller", "7b"},
	{directory.Student, "Björn", "Sørensen", "7b"},
	{directory.Student, "Hannah", "Zöllner", "7b"},
	{directory.Student, "Ben", "Schulz", "7b schach-ag"},
	{directory.Student, "Aylin", "Öztürk", "7b"},
	{directory.Student, "Tim", "Fröhlich", "7b"},
	{directory.Student, "Luise", "von der Heide", "7b"},
	{directory.Student, "Paul", "König", "10c mathe-10c"},
	{directory.Student, "Clara", "Fuchs", "10c mathe-10c"},
	{directory.Student, "Emre", "Demir", "10c mathe-10c schach-ag"},
	{directory.Student, "Franziska", "Straßer", "10c mathe-10c"},
	{directory.Student, "Łukasz", "Nowak", "10c mathe-10c"},
	{directory.Student, "Johanna", "Jürgens", "10c"},
	{directory.Student, "Maximilian", "Bär", "10c"},
	{directory.Student, "Thị Mai", "Nguyễn", "10c mathe-10c"},
	{directory.Parent, "Stefan", "Müller", "eltern-7b"},
	{directory.Parent, "Renate", "Zöllner", "*eltern-7b"},
	{directory.Parent, "Inga", "Sørensen", "eltern-7b"},
	{directory.Parent, "Mehmet", "Öztürk", "eltern-7b"},
	{directory.Parent, "Cornelia", "Weiß", ""},
	{directory.Parent, "André", "Fröhlich", "eltern-7b"},
}

var demoGroups = []directory.Group{
	{Name: "5a", Title: "Klasse 5a", Kind: "class"}, {Name: "7b", Title: "Klasse 7b", Kind: "class"}, {Name: "10c", Title: "Klasse 10c", Kind: "class"},
	{Name: "lehrerzimmer", Title: "Lehrerzimmer", Kind: "staff"}, {Name: "fachschaft-mathe", Title: "Fachschaft Mathematik", Kind: "department"},
	{Name: "mathe-10c", Title: "Mathematik 10c", Kind: "course"}, {Name: "schach-ag", Title: "Schach-AG", Kind: "club"},
	{Name: "eltern-7b", Title: "Eltern der 7b", Kind: "club"}, {Name: "alle", Title: "Alle an der Schule", Kind: "all"},
}

// local is the part before the @: "Thị Mai Nguyễn" is thi-mai.nguyen.
func (p demoPerson) local() string {
	return demoLetters.Replace(strings.ToLower(p.given)) + "." + demoLetters.Replace(strings.ToLower(p.family))
}

var demoLetters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ø", "oe", "ş", "s", "ı", "i", "é", "e", "è", "e", "ë", "e",
	"ł", "l", "ị", "i", "ễ", "e", " ", "-")

// addDemoPeople makes accounts, groups and memberships, and returns everyone by local part.
func addDemoPeople(ctx context.Context, d *directory.Directory) (map[string]directory.Account, error) {
	list := []directory.NewAccount{{Address: "admin@" + demoDomain, Given: "Verwaltung", Family: "IT", Role: directory.Admin, Password: demoPassword}}
	for _, p := range demoPeople {
		list = append(list, directory.NewAccount{
			Address: p.local() + "@" + demoDomain, Given: p.given, Family: p.family, Role: p.role, Password: demoPassword,
		})
	}
	for i := range list {
		list[i].Name = list[i].Given + " " + list[i].Family
	}
	accounts, _, err := d.AddAccounts(ctx, list)
	if err != nil {
		return nil, err
	}
	people := map[string]directory.Account{}
	for _, a := range accounts {
		local, _, _ := strings.Cut(a.Address, "@")
		people[local] = a
	}
	if err := addDemoGroups(ctx, d, people); err != nil {
		return nil, err
	}
	return people, d.AddAlias(ctx, directory.Alias{Address: "sekretariat@" + demoDomain, Targets: []string{"gisela.koehler@" + demoDomain}})
}

func addDemoGroups(ctx context.Context, d *directory.Directory, people map[string]directory.Account) error {
	members, owners := map[string][]directory.ID{}, map[string][]directory.ID{}
	for _, p := range demoPeople {
		id := people[p.local()].ID
		for group := range strings.FieldsSeq(p.groups + " alle") {
			if name, ok := strings.CutPrefix(group, "*"); ok {
				owners[name] = append(owners[name], id)
			} else {
				members[group] = append(members[group], id)
			}
		}
	}
	owners["alle"] = []directory.ID{people["admin"].ID}
	for _, g := range demoGroups {
		g.ToSender = true
		g.Address = g.Name + "@" + demoDomain
		made, err := d.AddGroup(ctx, g)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		for owner, ids := range map[bool][]directory.ID{false: members[g.Name], true: owners[g.Name]} {
			if len(ids) == 0 {
				continue
			}
			if err := d.AddMembers(ctx, made.ID, ids, owner); err != nil {
				return fmt.Errorf("group %s: %w", g.Name, err)
			}
		}
	}
	return nil
}
