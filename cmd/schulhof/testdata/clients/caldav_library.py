"""Uses a school's calendars with the library python3-caldav (and vobject, icalendar) the way its users do.

Arguments: the server's address, the authority's file, a teacher's name who owns the class 7b, a pupil's name, the password of both.
Every function of CASES is one case. It prints "ok NAME" for each that holds and ends with 1 when one does not.
"""

import os
import sys
import traceback

os.environ["PYTHON_CALDAV_DEBUGMODE"] = "DEVELOPMENT"  # the library's own doubts about an answer are errors

from datetime import date, datetime, timedelta, timezone  # noqa: E402

import caldav  # noqa: E402
from caldav.elements import cdav, dav, ical  # noqa: E402
from caldav.lib import error  # noqa: E402

URL, CA, TEACHER, PUPIL, PASSWORD = sys.argv[1:6]
UTC = timezone.utc
CASES = []


def case(f):
    CASES.append(f)
    return f


def login(name, password=PASSWORD, path="/"):
    return caldav.DAVClient(URL + path, username=name, password=password, ssl_verify_cert=CA)


def new_calendar(name, components=None):
    """A calendar of the teacher's for one case."""
    return login(TEACHER).principal().make_calendar(name=name, cal_id=name.lower(), supported_calendar_component_set=components)


def wrapped(component):
    return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Beispiel//Termine//DE\n" + component.strip() + "\nEND:VCALENDAR\n"


def event(uid, start, end, *more):
    lines = ["UID:" + uid, "DTSTAMP:20260101T000000Z", "DTSTART" + start, "DTEND" + end, *more]
    return wrapped("BEGIN:VEVENT\n" + "\n".join(lines) + "\nEND:VEVENT")


def todo(uid, *more):
    return wrapped("BEGIN:VTODO\n" + "\n".join(["UID:" + uid, "DTSTAMP:20260101T000000Z", *more]) + "\nEND:VTODO")


def summaries(objects):
    return sorted(str(o.icalendar_component["SUMMARY"]) for o in objects)


def refused(kind, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except kind as e:
        return e
    raise AssertionError("%s%r was not refused" % (getattr(f, "__name__", f), args))


@case
def principal_and_home():
    for path in ("/", "/dav/", "/dav/principals/users/%s/" % TEACHER):
        p = login(TEACHER, path=path).principal()
        assert str(p.url).endswith("/dav/principals/users/%s/" % TEACHER), (path, p.url)
        assert str(p.calendar_home_set.url).endswith("/dav/calendars/%s/" % TEACHER), p.calendar_home_set.url
    assert p.get_display_name() == "Tina Lehmann", p.get_display_name()
    assert "mailto:%s@school.test" % TEACHER in p.calendar_user_address_set(), p.calendar_user_address_set()
    assert p.get_property(cdav.CalendarUserType()) == "INDIVIDUAL"


@case
def support_is_announced():
    client = login(TEACHER)
    assert client.check_cdav_support()
    assert not client.check_scheduling_support()  # not there yet, so not promised
    classes = [c.strip() for c in client.check_dav_support().split(",")]
    for want in ("1", "2", "3", "access-control", "addressbook"):
        assert want in classes, classes


@case
def every_calendar_once():
    found = [str(c.url) for c in login(TEACHER).principal().calendars()]
    assert len(found) == len(set(found)), found
    for name in ("calendar", "tasks", "group-7b", "group-7b~tasks"):
        assert sum(u.endswith("/dav/calendars/%s/%s/" % (TEACHER, name)) for u in found) == 1, (name, found)


@case
def wrong_password_and_foreign_calendars():
    refused(error.AuthorizationError, login(TEACHER, password="falsch, ganz falsch").principal)
    foreign = login(PUPIL).calendar(url=URL + "/dav/calendars/%s/calendar/" % TEACHER)
    refused(error.NotFoundError, foreign.events)
    refused(error.NotFoundError, foreign.get_display_name)


@case
def make_find_and_delete_a_calendar():
    p = login(TEACHER).principal()
    before = len(p.calendars())
    made = p.make_calendar(name="Ausflüge & <Fahrten>", cal_id="ausfluege")
    assert len(p.calendars()) == before + 1
    assert p.calendar(name="Ausflüge & <Fahrten>").url == made.url
    assert p.calendar(cal_id="ausfluege").events() == []
    refused(error.MkcalendarError, p.make_calendar, name="zweimal", cal_id="ausfluege")
    made.delete()
    assert len(p.calendars()) == before
    refused(error.NotFoundError, made.events)


@case
def properties_of_a_calendar():
    c = new_calendar("Eigenschaften")
    assert c.get_display_name() == "Eigenschaften"
    c.set_properties([dav.DisplayName("Grün & \"gelb\""), ical.CalendarColor("#17B169FF"), ical.CalendarOrder("7"), cdav.CalendarDescription("Für <alle>")])
    got = c.get_properties([dav.DisplayName(), ical.CalendarColor(), ical.CalendarOrder(), cdav.CalendarDescription(), dav.GetEtag()])
    want = {dav.DisplayName.tag: "Grün & \"gelb\"", ical.CalendarColor.tag: "#17B169FF", ical.CalendarOrder.tag: "7",
            cdav.CalendarDescription.tag: "Für <alle>", dav.GetEtag.tag: None}
    assert got == want, got
    types = c.get_properties([dav.ResourceType()], parse_props=False)[dav.ResourceType.tag]
    assert [t.tag for t in types] == ["{DAV:}collection", "{urn:ietf:params:xml:ns:caldav}calendar"]


@case
def kinds_of_components():
    assert set(new_calendar("Alles").get_supported_components()) >= {"VEVENT", "VTODO", "VJOURNAL"}
    tasks = new_calendar("NurAufgaben", ["VTODO"])
    assert tasks.get_supported_components() == ["VTODO"]
    refused((error.PutError, error.AuthorizationError), tasks.save_event, event("falsch", ":20260301T080000Z", ":20260301T090000Z", "SUMMARY:Falsch"))
    tasks.save_todo(todo("richtig", "SUMMARY:Richtig"))
    assert summaries(tasks.todos()) == ["Richtig"]


@case
def event_round_trip():
    c = new_calendar("Hin")
    text = event("hin-1", ":20260302T080000Z", ":20260302T084500Z", "SUMMARY:Mathe\\, Klasse 7b: Brüche", "X-UNBEKANNT;A=1:bleibt")
    saved = c.save_event(text)
    wire = text.replace("\n", "\r\n").encode()
    assert c.client.put(saved.url, wire, {"Content-Type": "text/calendar; charset=utf-8"}).status == 204
    assert c.client.session.get(str(saved.url), auth=c.client.auth, verify=CA).content == wire, "the bytes did not come back"
    loaded = c.event_by_url(str(saved.url))
    assert loaded.vobject_instance.vevent.summary.value == "Mathe, Klasse 7b: Brüche"
    assert [str(e.url) for e in c.events()] == [str(saved.url)]
    assert c.event_by_uid("hin-1").url == saved.url
    assert c.object_by_uid("hin-1").url == saved.url
    refused(error.NotFoundError, c.event_by_uid, "hin")
    refused(error.NotFoundError, c.todo_by_uid, "hin-1")
    made = c.save_event(dtstart=datetime(2026, 3, 3, 8, tzinfo=UTC), dtend=datetime(2026, 3, 3, 9, tzinfo=UTC), summary="Von Hand", location="Raum 12")
    assert summaries(c.search(comp_class=caldav.Event, location="Raum 12")) == ["Von Hand"]
    made.delete()
    refused(error.NotFoundError, made.load)


@case
def save_over_and_not():
    c = new_calendar("Stand")
    text = event("stand-1", ":20260302T080000Z", ":20260302T084500Z", "SUMMARY:erst", "SEQUENCE:1")
    e = c.save_event(text)
    refused(error.ConsistencyError, c.save_event, text, no_overwrite=True)
    refused(error.ConsistencyError, c.save_event, event("stand-2", ":20260302T080000Z", ":20260302T084500Z"), no_create=True)
    e.vobject_instance.vevent.summary.value = "dann"
    e.save()
    again = c.event_by_uid("stand-1")
    assert str(again.icalendar_component["SUMMARY"]) == "dann" and again.icalendar_component["SEQUENCE"] >= 2, again.data
    assert len(c.events()) == 1


@case
def an_old_copy_does_not_win():
    c = new_calendar("Streit")
    e = c.save_event(event("streit-1", ":20260302T080000Z", ":20260302T084500Z", "SUMMARY:erst"))
    e.load()
    old = e.props[dav.GetEtag.tag]
    newer = event("streit-1", ":20260302T080000Z", ":20260302T084500Z", "SUMMARY:zweite Fassung")
    kind = {"Content-Type": "text/calendar; charset=utf-8"}
    assert c.client.put(e.url, newer, {**kind, "If-Match": old}).status == 204
    assert c.client.put(e.url, newer.replace("zweite", "dritte"), {**kind, "If-Match": old}).status == 412
    assert c.client.put(e.url, newer, {**kind, "If-None-Match": "*"}).status == 412
    assert summaries(c.events()) == ["zweite Fassung"]
    refused((error.PutError, error.AuthorizationError), put_or_raise, c, "zwilling.ics", newer)
    assert len(c.events()) == 1


def put_or_raise(c, name, text):
    r = c.client.put(c.url.join(name), text, {"Content-Type": "text/calendar; charset=utf-8"})
    if r.status not in (201, 204):
        raise error.PutError(str(r.status))


@case
def what_is_no_calendar_is_refused():
    c = new_calendar("Unsinn")
    for name, text in (("text", "Hallo"), ("offen", "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n"),
                       ("zwei", wrapped("BEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT\n"
                                        "BEGIN:VEVENT\nUID:b\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT"))):
        refused((error.PutError, error.AuthorizationError), put_or_raise, c, name + ".ics", text)
    assert c.events() == [] and list(c.objects()) == []


@case
def search_by_time():
    c = new_calendar("Zeit")
    c.save_event(event("z-1", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:acht"))
    c.save_event(event("z-2", ";TZID=Europe/Berlin:20260302T230000", ";TZID=Europe/Berlin:20260303T003000", "SUMMARY:Nacht"))
    c.save_event(event("z-3", ";VALUE=DATE:20260304", ";VALUE=DATE:20260306", "SUMMARY:Ausflug"))

    def between(*hours):
        start, end = (datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in hours)
        return summaries(c.search(start=start, end=end, comp_class=caldav.Event))

    assert between((2, 0), (3, 0)) == ["Nacht", "acht"]
    assert between((2, 9), (2, 20)) == [], "the end of an event is not part of it"
    assert between((2, 7), (2, 8)) == [], "the end of a range is not part of it"
    assert between((2, 22), (3, 5)) == ["Nacht"], "23:00 in Berlin is 22:00 UTC"
    assert between((5, 12), (5, 13)) == ["Ausflug"]
    assert between((6, 12), (7, 0)) == []
    assert summaries(c.search(start=datetime(2026, 3, 3, tzinfo=UTC), comp_class=caldav.Event)) == ["Ausflug"]
    assert summaries(c.search(end=datetime(2026, 3, 2, 12, tzinfo=UTC), comp_class=caldav.Event)) == ["acht"]
    assert summaries(c.date_search(date(2026, 3, 2), date(2026, 3, 3), expand=False)) == ["Nacht", "acht"]


@case
def recurring_events():
    c = new_calendar("Wieder")
    c.save_event(wrapped("""
BEGIN:VEVENT
UID:chor
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260309T140000
DTEND;TZID=Europe/Berlin:20260309T153000
RRULE:FREQ=WEEKLY;COUNT=6
EXDATE;TZID=Europe/Berlin:20260316T140000
SUMMARY:Chor
END:VEVENT
BEGIN:VEVENT
UID:chor
DTSTAMP:20260101T000000Z
RECURRENCE-ID;TZID=Europe/Berlin:20260323T140000
DTSTART;TZID=Europe/Berlin:20260324T150000
DTEND;TZID=Europe/Berlin:20260324T163000
SUMMARY:Chor, verlegt
END:VEVENT"""))
    march, may = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    whole = c.date_search(march, may, expand=False)
    assert len(whole) == 1 and "RRULE:FREQ=WEEKLY;COUNT=6" in whole[0].data
    found = c.search(start=march, end=may, comp_class=caldav.Event, expand=True)
    starts = sorted(o.icalendar_component["DTSTART"].dt.astimezone(UTC) for o in found)
    want = [datetime(2026, 3, 9, 13), datetime(2026, 3, 24, 14), datetime(2026, 3, 30, 12), datetime(2026, 4, 6, 12), datetime(2026, 4, 13, 12)]
    assert starts == [w.replace(tzinfo=UTC) for w in want], starts  # from the 29th it is summer time
    assert summaries(found) == ["Chor"] * 4 + ["Chor, verlegt"]
    expanded = c.date_search(march, may, expand=True)
    assert len(expanded) == 1 and "RRULE" not in expanded[0].data and expanded[0].data.count("BEGIN:VEVENT") == 5
    assert c.date_search(datetime(2026, 3, 16, tzinfo=UTC), datetime(2026, 3, 17, tzinfo=UTC), expand=False) == [], "the excluded day"
    assert c.date_search(datetime(2026, 3, 23, tzinfo=UTC), datetime(2026, 3, 24, tzinfo=UTC), expand=False) == [], "the moved day"
    assert len(c.date_search(datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC), expand=False)) == 0


@case
def yearly_whole_days():
    c = new_calendar("Jahr")
    c.save_event(event("geburtstag", ";VALUE=DATE:19970302", ";VALUE=DATE:19970303", "RRULE:FREQ=YEARLY", "SUMMARY:Geburtstag", "TRANSP:TRANSPARENT"))
    r = c.search(event=True, start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2028, 1, 1, tzinfo=UTC), expand=True)
    assert [o.icalendar_component["DTSTART"].dt for o in r] == [date(2026, 3, 2), date(2027, 3, 2)], [o.data for o in r]


@case
def search_by_text():
    c = new_calendar("Text")
    c.save_event(event("t-1", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:Elternabend", "CATEGORIES:SCHULE,ELTERN", "CLASS:CONFIDENTIAL"))
    c.save_event(event("t-2", ":20260303T080000Z", ":20260303T090000Z", "SUMMARY:Übung", "CATEGORIES:SPORT", "DESCRIPTION:in der Halle", "STATUS:TENTATIVE"))
    for want, query in ((["Elternabend"], {"summary": "abend"}), ([], {"summary": "ABEND"}), (["Elternabend"], {"category": "ELTERN"}),
                        (["Übung"], {"summary": "Übung"}), (["Elternabend"], {"class_": "CONFIDENTIAL"}), (["Übung"], {"description": "Halle"}),
                        (["Übung"], {"status": "TENTATIVE"}), (["Elternabend"], {"uid": "t-1"}), ([], {"summary": "abend", "category": "SPORT"})):
        assert summaries(c.search(comp_class=caldav.Event, **query)) == want, (query, want)
    folded = [cdav.PropFilter("SUMMARY") + cdav.TextMatch("ABEND", collation="i;ascii-casemap")]
    assert summaries(c.search(comp_class=caldav.Event, filters=folded)) == ["Elternabend"]
    folded = [cdav.PropFilter("SUMMARY") + cdav.TextMatch("übung", collation="i;unicode-casemap")]
    assert summaries(c.search(comp_class=caldav.Event, filters=folded)) == ["Übung"]
    without = [cdav.PropFilter("STATUS") + cdav.NotDefined()]
    assert summaries(c.search(comp_class=caldav.Event, filters=without)) == ["Elternabend"]
    other = [cdav.PropFilter("SUMMARY") + cdav.TextMatch("Eltern", negate=True)]
    assert summaries(c.search(comp_class=caldav.Event, filters=other)) == ["Übung"]
    refused((error.ReportError, error.AuthorizationError), c.search, comp_class=caldav.Event,
            filters=[cdav.PropFilter("SUMMARY") + cdav.TextMatch("x", collation="i;klingon")])


@case
def search_by_component():
    c = new_calendar("Teile")
    c.save_event(event("a", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:Termin",
                       "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:gleich", "TRIGGER:-PT15M", "END:VALARM"))
    c.save_event(event("s", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:stiller Termin"))
    c.save_todo(todo("b", "SUMMARY:Aufgabe"))
    c.save_journal(wrapped("BEGIN:VJOURNAL\nUID:c\nDTSTAMP:20260101T000000Z\nDTSTART;VALUE=DATE:20260302\nSUMMARY:Eintrag\nEND:VJOURNAL"))
    assert summaries(c.events()) == ["Termin", "stiller Termin"]
    assert summaries(c.todos()) == ["Aufgabe"]
    assert summaries(c.journals()) == ["Eintrag"]
    refused(error.NotFoundError, c.event_by_uid, "b")
    assert c.todo_by_uid("b").vobject_instance.vtodo.summary.value == "Aufgabe"
    assert c.journal_by_uid("c").vobject_instance.vjournal.summary.value == "Eintrag"
    assert len(c.search()) == 4
    assert summaries(c.search(comp_class=caldav.Event, filters=[cdav.CompFilter("VALARM")])) == ["Termin"]
    assert summaries(c.search(comp_class=caldav.Event, filters=[cdav.CompFilter("VALARM") + cdav.NotDefined()])) == ["stiller Termin"]
    ringing = [cdav.CompFilter("VALARM") + cdav.TimeRange(datetime(2026, 3, 2, 7, 40, tzinfo=UTC), datetime(2026, 3, 2, 7, 50, tzinfo=UTC))]
    assert summaries(c.search(comp_class=caldav.Event, filters=ringing)) == ["Termin"]


@case
def tasks():
    c = new_calendar("Aufgaben", ["VTODO"])
    c.save_todo(todo("bio", "SUMMARY:Herbarium", "DUE:20260401T100000Z", "PRIORITY:2", "STATUS:NEEDS-ACTION"))
    c.save_todo(todo("geo", "SUMMARY:Karte", "DTSTART:20260301T080000Z", "DURATION:P2D", "PRIORITY:1"))
    c.save_todo(todo("alt", "SUMMARY:erledigt", "COMPLETED:20260201T100000Z", "STATUS:COMPLETED"))
    assert [str(t.icalendar_component["SUMMARY"]) for t in c.todos(sort_keys=("priority",))] == ["Karte", "Herbarium"]
    assert summaries(c.todos(include_completed=True)) == ["Herbarium", "Karte", "erledigt"]
    within = c.search(todo=True, include_completed=True, start=datetime(2026, 3, 2, tzinfo=UTC), end=datetime(2026, 3, 3, tzinfo=UTC))
    assert summaries(within) == ["Karte"], summaries(within)
    due = c.search(todo=True, include_completed=True, start=datetime(2026, 4, 1, 9, tzinfo=UTC), end=datetime(2026, 4, 1, 11, tzinfo=UTC))
    assert summaries(due) == ["Herbarium"], summaries(due)
    t = c.todo_by_uid("bio")
    t.complete(datetime(2026, 3, 20, 12, tzinfo=UTC))
    assert summaries(c.todos()) == ["Karte"]
    done = c.todo_by_uid("bio")
    assert "STATUS:COMPLETED" in done.data and "20260320T120000Z" in done.data, done.data
    done.uncomplete()
    assert summaries(c.todos()) == ["Herbarium", "Karte"]
    later = c.todo_by_uid("bio")
    later.set_due(datetime(2026, 5, 1, 10, tzinfo=UTC))
    later.save()
    assert c.todo_by_uid("bio").get_due() == datetime(2026, 5, 1, 10, tzinfo=UTC)


@case
def recurring_tasks():
    c = new_calendar("Dienst", ["VTODO"])
    safe = c.save_todo(todo("tafel", "SUMMARY:Tafeldienst", "DTSTART:20260302T080000Z", "DUE:20260302T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4"))
    safe.complete(datetime(2026, 3, 2, 8, 30, tzinfo=UTC), handle_rrule=True, rrule_mode="safe")
    assert len(c.todos()) == 1 and len(c.todos(include_completed=True)) == 2
    c.save_todo(todo("blumen", "SUMMARY:Blumen", "DTSTART:20260302T080000Z", "DUE:20260302T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4"))
    blumen = c.todo_by_uid("blumen")
    blumen.complete(datetime(2026, 3, 2, 8, 30, tzinfo=UTC), handle_rrule=True, rrule_mode="thisandfuture")
    again = blumen.load()
    assert again.data.count("BEGIN:VTODO") == 3 and "RANGE=THISANDFUTURE" in again.data, again.data


@case
def related_tasks():
    c = new_calendar("Teilaufgaben")
    c.save_todo(todo("ganz", "SUMMARY:Theaterabend"))
    child = c.save_todo(summary="Bühne bauen", parent=["ganz"])
    assert str(c.todo_by_uid(child.id).icalendar_component["RELATED-TO"]) == "ganz"


@case
def multiget():
    c = new_calendar("Mehrere")
    urls = [c.save_event(event("m %d+ä" % i, ":2026030%dT080000Z" % (i + 1), ":2026030%dT090000Z" % (i + 1), "SUMMARY:M%d" % i)).url for i in range(5)]
    got = c.calendar_multiget(urls[1:4])
    assert summaries(got) == ["M1", "M2", "M3"]
    assert {g.id or g.icalendar_component["UID"] for g in got} == {"m 1+ä", "m 2+ä", "m 3+ä"}
    c.save_event(event("m-neu", ":20260309T080000Z", ":20260309T090000Z", "SUMMARY:neu"))
    gone = c.calendar_multiget([urls[0], c.url.join("fehlt.ics")])
    assert [g.data is None for g in sorted(gone, key=lambda g: g.data is None)] == [False, True]


@case
def sync_by_token():
    c = new_calendar("Abgleich")
    one = c.save_event(event("eins", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:eins"))
    two = c.save_event(event("zwei", ":20260303T080000Z", ":20260303T090000Z", "SUMMARY:zwei"))
    mine = c.objects(load_objects=True)
    assert len(list(mine)) == 2 and summaries(mine) == ["eins", "zwei"]
    assert list(c.objects_by_sync_token(mine.sync_token)) == []
    before = mine.sync_token
    assert mine.sync() == ([], []) and mine.sync_token == before
    two.icalendar_component["SUMMARY"] = "zwei, neu"
    two.save()
    c.save_event(event("drei", ":20260304T080000Z", ":20260304T090000Z", "SUMMARY:drei"))
    one.delete()
    changed = list(c.objects_by_sync_token(mine.sync_token))
    assert len(changed) == 3, changed
    updated, deleted = mine.sync()
    assert summaries(updated) == ["drei", "zwei, neu"] and [d.url for d in deleted] == [one.url]
    assert summaries(mine) == ["drei", "zwei, neu"] and mine.sync_token != before
    assert mine.sync() == ([], [])
    refused((error.ReportError, error.AuthorizationError), c.objects_by_sync_token, "https://nicht.von/hier")


@case
def busy_times():
    c = new_calendar("Belegt")
    c.save_event(event("f-1", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:geheim"))
    c.save_event(event("f-2", ":20260302T083000Z", ":20260302T100000Z", "SUMMARY:auch geheim"))
    c.save_event(event("f-3", ":20260302T120000Z", ":20260302T130000Z", "SUMMARY:frei", "TRANSP:TRANSPARENT"))
    c.save_event(event("f-4", ":20260302T140000Z", ":20260302T150000Z", "SUMMARY:vielleicht", "STATUS:TENTATIVE"))
    answer = c.freebusy_request(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    data = answer.data
    lines = [l.rstrip("\r") for l in data.split("\n") if l.startswith("FREEBUSY")]
    assert "BEGIN:VFREEBUSY" in data and "geheim" not in data, data
    assert any("20260302T080000Z/" in l and ("20260302T100000Z" in l or "PT2H" in l) for l in lines), data
    assert any("BUSY-TENTATIVE" in l and "20260302T140000Z/" in l for l in lines), data
    assert not any("120000Z/" in l for l in lines), data


@case
def copies_within_and_between():
    c, other = new_calendar("Quelle"), new_calendar("Ziel")
    e = c.save_event(event("kopie", ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:Vorlage"))
    e.copy().save()
    assert summaries(c.events()) == ["Vorlage", "Vorlage"]
    e.copy(new_parent=other, keep_uid=True).save()
    assert summaries(other.events()) == ["Vorlage"] and other.event_by_uid("kopie").url != e.url


@case
def odd_names_of_objects():
    c = new_calendar("Namen")
    uids = ["a/b", "50%", "leer zeichen", "täglich", "a+b&c=d", "x" * 180, "{9C7F-11}", "a#b?c"]
    for i, uid in enumerate(uids):
        c.save_event(event(uid, ":20260302T080000Z", ":20260302T090000Z", "SUMMARY:N%d" % i))
    assert summaries(c.events()) == ["N%d" % i for i in range(len(uids))]
    for i, uid in enumerate(uids):
        found = c.event_by_uid(uid)
        assert str(found.load().icalendar_component["SUMMARY"]) == "N%d" % i, uid
        found.delete()
    assert c.events() == []


@case
def the_class_calendar():
    theirs = login(TEACHER).principal().calendar(cal_id="group-7b")
    ours = login(PUPIL).principal().calendar(cal_id="group-7b")
    e = theirs.save_event(event("wandertag", ";VALUE=DATE:20260310", ";VALUE=DATE:20260311", "SUMMARY:Wandertag"))
    assert summaries(ours.events()) == ["Wandertag"]
    token = ours.objects().sync_token
    refused(error.AuthorizationError, ours.save_event, event("streich", ":20260310T080000Z", ":20260310T090000Z", "SUMMARY:Streich"))
    refused(error.AuthorizationError, ours.event_by_uid("wandertag").save)
    refused(error.AuthorizationError, ours.event_by_uid("wandertag").delete)
    refused(error.AuthorizationError, ours.delete)
    assert summaries(theirs.events()) == ["Wandertag"]
    assert list(ours.objects_by_sync_token(token)) == []
    e.delete()
    changes = list(ours.objects_by_sync_token(token))
    assert [str(x.url).rsplit("/", 1)[1] for x in changes] == ["wandertag.ics"]
    assert ours.events() == []


def main():
    failed = 0
    for f in CASES:
        try:
            f()
        except Exception:  # every case is told about
            failed += 1
            print("failed", f.__name__)
            traceback.print_exc(file=sys.stdout)
        else:
            print("ok", f.__name__)
    print("%d of %d cases hold" % (len(CASES) - failed, len(CASES)))
    sys.exit(1 if failed else 0)


main()
