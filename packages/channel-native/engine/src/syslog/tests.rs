//! The promises of the syslog readers.

use jiff::{civil::date, tz::TimeZone};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};

use super::{naive::World, *};
use crate::batch::{
    Size,
    model::{Plain, Scratch, cases, fill},
    push_flat,
};

const RULES: Rules =
    Rules { parser: Parser::Classic, keep: NOTHING, event_bytes_max: 2500, counted: true, charset: None };
const NOTHING: Keep = Keep { priority: false, version: false, timestamp: false, hostname: false, all: false };
const PLENTY: Size = Size { events: 1000, bytes: 1 << 16 };

/// 2026-11-21T12:00:00Z.
const NOW_MS: i64 = 1_795_262_400_000;

fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

/// Reads a stream as connections bring it: cut into pieces, into spaces of some size.
fn read(world: &World<'_>, pieces: &[&[u8]], extras: &[u8], room: Size) -> Vec<Plain> {
    let (mut tail, mut left, mut events) = (vec![], 0, vec![]);
    for piece in pieces {
        let mut data = *piece;
        events.extend(fill(room, |space| {
            let clock = Clock::with_zone(world.now_ms, world.zone);
            let read = Reader::new(world.rules, clock).stream(&tail, data, left, &Extras::of(extras), space);
            data = &data[read.consumed..];
            left = read.left;
            if read.consumed > 0 {
                tail.clear();
            }
            !read.full
        }));
        tail.extend_from_slice(data);
        assert!(tail.len() <= world.rules.event_bytes_max + 8, "more is kept than a message can be");
    }
    events
}

fn one(rules: &Rules, message: &str) -> Vec<(String, Vec<(String, String)>)> {
    let world = World { rules, now_ms: NOW_MS, zone: &new_york() };
    let events = read(&world, &[message.as_bytes()], &[], PLENTY);
    events.into_iter().map(|(headers, body)| (String::from_utf8(body).unwrap(), headers)).collect()
}

/// The one event of a message that ends with its line: its body and headers, in one line.
fn shown(rules: &Rules, message: &str) -> String {
    let events = one(rules, &format!("{message}\n"));
    let headers = |headers: &[(String, String)]| {
        headers.iter().map(|(name, value)| [" ", name, "=", value].concat()).collect::<Vec<_>>().concat()
    };
    events.iter().map(|(body, all)| format!("{body} |{}", headers(all))).collect::<Vec<_>>().join(" || ")
}

#[test]
fn the_first_parser_takes_apart_what_rsyslog_and_logger_send() {
    for (message, event) in [
        (
            "<134>Nov 21 06:35:00 vm app[42]: text",
            "app[42]: text | Facility=16 Severity=6 priority=134 timestamp=1795260900000 host=vm",
        ),
        (
            "<132>1 2026-11-21T11:35:00.941752+00:00 vm app 42 M1 [x@1 k=\"v\"] text",
            "app 42 M1 [x@1 k=\"v\"] text | Facility=16 Severity=4 priority=132 version=1 timestamp=1795260900941 host=vm",
        ),
        ("<134>1 - - gen - - - text", "gen - - - text | Facility=16 Severity=6 priority=134 version=1"),
        ("<13>plain", "<13>plain | Facility=1 Severity=5"),
        ("hello", "hello | Facility=0 Severity=0 flume.syslog.status=Invalid"),
        ("<>x", "<>x | Facility=0 Severity=0 flume.syslog.status=Invalid"),
        ("<13>Nov 21 06:35:00 vm text\r", "<13>Nov 21 06:35:00 vm text\r | Facility=1 Severity=5"),
    ] {
        assert_eq!(shown(&RULES, message), event);
    }
}

#[test]
fn the_second_parser_takes_apart_what_rsyslog_and_logger_send() {
    let rules = Rules { parser: Parser::Multiport, ..RULES };
    for (message, event) in [
        (
            "<134>Nov 21 06:35:00 vm app[42]: text",
            "app[42]: text | Facility=16 Severity=6 Priority=134 timestamp=1795260900000 host=vm",
        ),
        (
            "<132>1 2026-11-21T13:35:00.5+02:00 vm app text\r",
            "app text\r | Facility=16 Severity=4 Priority=132 Version=1 timestamp=1795260900500 host=vm",
        ),
        ("<134>1 - - gen", "gen | Facility=16 Severity=6 Priority=134 Version=1 timestamp=1795262400000 host=-"),
        ("<13>Foo 21 06:35:00 vm text", "text | Facility=1 Severity=5 Priority=13 timestamp=0 host=vm"),
        ("<13>1 2026-11-21T11:35:00 vm text", "<13>1 2026-11-21T11:35:00 vm text | flume.syslog.status=Invalid"),
        ("<99999>- h text", "text | Facility=12499 Severity=7 Priority=99999 timestamp=1795262400000 host=h"),
        ("\n\n", ""),
    ] {
        assert_eq!(shown(&rules, message), event);
    }
}

#[test]
fn a_counted_message_is_taken_by_its_count_whatever_is_in_it() {
    let bodies = |stream: &str| one(&RULES, stream).into_iter().map(|(body, _)| body).collect::<Vec<_>>();
    assert_eq!(
        bodies("17 <13>1 - h a\nb\nc\n\n16 <13>1 - h text\r\n<13>1 - h next\n"),
        ["a\nb\nc\n", "text\r", "next"]
    );
    let lines = Rules { counted: false, ..RULES };
    assert_eq!(one(&lines, "7 <34>x\n")[0].1[2].1, "Invalid");
}

#[test]
fn what_is_too_long_is_cut_and_nothing_of_it_is_lost() {
    let rules = Rules { event_bytes_max: 20, ..RULES };
    let status = |(body, headers): (String, Vec<(String, String)>)| {
        let status = headers.into_iter().find(|(name, _)| name == "flume.syslog.status").map(|(_, value)| value);
        (body, status.unwrap_or_default())
    };
    let events = |stream: &str| one(&rules, stream).into_iter().map(status).collect::<Vec<_>>();
    let named = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect::<Vec<_>>();
    let cut = named(&[("0123456789", "Incomplete"), ("rest", "Invalid"), ("next", "")]);
    assert_eq!(events("<13>1 - h 0123456789rest\n<13>1 - h next\n"), cut);
    assert_eq!(events("24 <13>1 - h 0123456789rest14 <13>1 - h next"), cut);
    assert_eq!(events("25 <13>1 - h 0123456789rest\n14 <13>1 - h next"), cut);
    // A count that lies takes what follows with it, but no memory.
    assert_eq!(events("9999999 <13>1 - h 0123456789<13>1 - h next 0123456789").len(), 2);
    // Nobody counts so far: a line.
    assert_eq!(events("99999999 <13>\n"), named(&[("99999999 <13>", "Invalid")]));
}

#[test]
fn a_time_without_a_year_is_within_eleven_months_before_and_one_after_now() {
    let zone = new_york();
    let at = |year, month, day| zone.to_timestamp(date(year, month, day).at(12, 0, 0, 0)).unwrap().as_millisecond();
    for (now, (month, name), day, year) in [
        (at(2026, 11, 21), (12, "Dec"), 21, 2026),
        (at(2026, 11, 21), (12, "Dec"), 22, 2025),
        (at(2026, 11, 21), (1, "Jan"), 1, 2026),
        (at(2026, 1, 2), (12, "Dec"), 31, 2025),
        (at(2026, 12, 31), (1, "Jan"), 1, 2027),
        (at(2029, 1, 15), (2, "Feb"), 29, 2028),
    ] {
        for parser in [Parser::Classic, Parser::Multiport] {
            let rules = Rules { parser, ..RULES };
            let world = World { rules: &rules, now_ms: now, zone: &zone };
            let message = format!("<13>{name} {day:2} 12:00:00 h text\n");
            let (headers, _) = read(&world, &[message.as_bytes()], &[], PLENTY).remove(0);
            let timestamp = headers.iter().find(|(key, _)| key == "timestamp").unwrap();
            assert_eq!(timestamp.1, at(year, month, day).to_string(), "{message}");
        }
    }
}

#[test]
fn other_character_sets_stay_in_bodies_and_become_utf_8_in_headers() {
    let rules = Rules { parser: Parser::Multiport, charset: Encoding::for_label(b"gbk"), ..RULES };
    let world = World { rules: &rules, now_ms: NOW_MS, zone: &TimeZone::UTC };
    let events = read(&world, &[b"<13>- \xc4\xe3 \xba\xc3\n<13>- h \xc4\n"], &[], PLENTY);
    assert_eq!((events[0].1.as_slice(), events[0].0.last().unwrap().1.as_str()), (b"\xba\xc3".as_slice(), "你"));
    assert_eq!(events[1], (vec![("flume.syslog.status".into(), "Invalid".into())], b"<13>- h \xc4".to_vec()));
}

/// A header map as those who build events by themselves encode it.
fn map(pairs: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [(text.len() as u32).to_le_bytes().as_slice(), text.as_bytes()].concat();
    let mut flat = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        flat.extend([text(name), text(value)].concat());
    }
    flat.extend([0; 4]);
    let mut scratch = Scratch::new(Size { events: 1, bytes: 4096 });
    let mut space = scratch.space();
    push_flat(&flat, &mut space).unwrap();
    space.run().iter().next().unwrap().headers.to_vec()
}

#[test]
fn headers_from_outside_come_last_and_replace_those_of_the_message() {
    let world = World { rules: &RULES, now_ms: NOW_MS, zone: &TimeZone::UTC };
    let extras = map(&[("host", "10.0.0.1"), ("ip", ""), ("Severity", "none")]);
    let (headers, _) = read(&world, &[b"<13>1 - h text\n"], &extras, PLENTY).remove(0);
    let shown: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(shown, ["Facility=1", "priority=13", "version=1", "host=10.0.0.1", "ip=", "Severity=none"]);
}

#[test]
fn a_datagram_is_one_event_up_to_its_first_line_end() {
    let marks = |lengths: &[u32]| lengths.iter().map(|&len| [len, 0]).collect::<Vec<_>>();
    let bodies = |parser, staged: &[u8], lengths: &[u32]| {
        let rules = Rules { parser, ..RULES };
        let (marks, mut done) = (marks(lengths), 0);
        let mut at = 0;
        let events = fill(Size { events: 2, bytes: 400 }, |space| {
            let read = read_datagrams(&staged[at..], &marks[done..], &[], &[], &rules, space);
            at += marks[done..done + read].iter().map(|mark| mark[0] as usize).sum::<usize>();
            done += read;
            done == marks.len()
        });
        events.into_iter().map(|(_, body)| String::from_utf8(body).unwrap()).collect::<Vec<_>>()
    };
    let staged = b"\n<13>1 - h one\nrest<13\n\n\n<13>1 - h two";
    assert_eq!(bodies(Parser::Classic, staged, &[19, 0, 4, 2, 13]), ["one", "<13\n", "two"]);
    assert_eq!(bodies(Parser::Plain, b"one\ntwo\nthree", &[4, 0, 4, 5]), ["one", "", "two", "three"]);
}

fn part(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    select(texts).prop_map(|text| text.as_bytes().to_vec())
}

/// A time, good or nearly.
fn stamp() -> impl Strategy<Value = Vec<u8>> {
    let number = 0_u32..62;
    let fields = (1990_u32..2040, [number.clone(), number.clone(), number.clone(), number.clone(), number]);
    let zone = select(vec!["", "Z", "+02:00", "-11:45", "+2:00", "Zz"]);
    let fraction = select(vec!["", ".5", ".941752", ".1234567", ".", ".000"]);
    let month = select(vec!["Jan", "Feb", "Mar", "Jun", "Nov", "Dec", "Foo", "nov", "NOV"]);
    prop_oneof![
        3 => (fields.clone(), fraction, zone).prop_map(|((y, [mo, d, h, mi, s]), fraction, zone)| format!(
            "{y:04}-{:02}-{:02}T{:02}:{mi:02}:{:02}{fraction}{zone}", mo % 14, d % 33, h % 25, s % 61,
        ).into_bytes()),
        3 => (month, fields, select(vec![" ", "  ", "\t", ""])).prop_map(|(name, (_, [d, h, mi, s, _]), blank)| format!(
            "{name}{blank}{} {:02}:{:02}:{:02}", d % 33, h % 25, mi, s % 61,
        ).into_bytes()),
        1 => part(&["-", "- ", "", "Nov 21 1:2:3", "2026-11-21T11:35", "x"]),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let priority = part(&[
        "<34>", "<0>", "<999>", "<13>", "<13>", "<1234>", "<99999>", "<>", "<x>", "34>", "<12", "<007>", "", "<",
    ]);
    let version = part(&["", "1 ", "1 ", "1", " ", "2 ", "12 "]);
    let blank = || part(&[" ", " ", " ", " ", "  ", "\t", "", "é"]);
    let host = part(&["host", "h", "-", "10.0.0.1", "a@b-c.d_", "fe80::1", "_", "ü", ""]);
    let body = prop_oneof![
        4 => vec(prop_oneof![Just(b' '), b'a'..=b'z'], 0..40),
        2 => part(&["\r", "a\r", "\u{85}", "\u{2028}x", "grüße 🚀", "", "\0", "a > b", "12 <b"]),
        1 => vec(any::<u8>(), 0..8),
    ];
    (priority, version, stamp(), blank(), host, blank(), body)
        .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat())
}

/// Messages in lines and in frames, some of which lie.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let framed = prop_oneof![
        5 => message().prop_map(|message| [message, b"\n".to_vec()].concat()),
        2 => message().prop_map(|message| [format!("{} ", message.len()).into_bytes(), message].concat()),
        1 => message().prop_map(|message| [format!("{} ", message.len() + 1).into_bytes(), message, b"\n".to_vec()].concat()),
        1 => (0_u32..300, message()).prop_map(|(count, message)| [format!("{count} ").into_bytes(), message].concat()),
        1 => message(),
        1 => part(&["\n", "\n\n", "12", "1 ", "9999999 <", "99999999 <"]),
    ];
    vec(framed, 0..8).prop_map(|all| all.concat())
}

fn keep() -> impl Strategy<Value = Keep> {
    any::<[bool; 5]>().prop_map(|[priority, version, timestamp, hostname, all]| Keep {
        priority,
        version,
        timestamp,
        hostname,
        all: all && hostname,
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let parser = select(vec![Parser::Classic, Parser::Multiport]);
    let max = prop_oneof![2 => Just(2500_usize), 1 => EVENT_BYTES_MIN..90];
    let keep = prop_oneof![1 => Just(NOTHING), 1 => keep()];
    (parser, keep, max, any::<bool>()).prop_map(|(parser, keep, event_bytes_max, counted)| Rules {
        parser,
        keep,
        event_bytes_max,
        counted,
        charset: None,
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn events_are_those_of_the_naive_model_however_the_stream_is_cut(
        rules in rules(),
        stream in messages(),
        cuts in vec(any::<Index>(), 0..12),
        room in (1_usize..4, 0_usize..400),
        abroad: bool,
    ) {
        let zone = if abroad { new_york() } else { TimeZone::UTC };
        let world = World { rules: &rules, now_ms: NOW_MS, zone: &zone };
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let room = Size { events: room.0, bytes: 3 * stream.len() + 300 + room.1 };
        prop_assert_eq!(read(&world, &pieces, &[], room), naive::stream(&world, &stream));
        let bytes: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(read(&world, &bytes, &[], room), naive::stream(&world, &stream));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        rules in rules(),
        tail in vec(any::<u8>(), 0..20),
        data in prop_oneof![vec(any::<u8>(), 0..200), messages()],
        left in prop_oneof![Just(0_usize), 0_usize..300, any::<usize>()],
        map in vec(any::<u8>(), 0..20),
        marks in vec([0_u32..90, 0_u32..5], 0..5),
        origins in vec([0_u32..20, 0_u32..20], 0..5),
    ) {
        let mut scratch = Scratch::new(PLENTY);
        let _ = read_stream(&tail, &data, left, &rules, &map, &mut scratch.space());
        let _ = read_datagrams(&data, &marks, &origins, &map, &rules, &mut scratch.space());
    }
}
