//! What syslog messages mean, said as naively as can be, with the regular expressions of Flume: for tests to compare with.

use std::sync::LazyLock;

use jiff::{ToSpan, civil::DateTime, tz::TimeZone};
use regex::Regex;

use super::{Keep, Parser, Rules};
use crate::batch::model::Plain;

/// What a test is about.
pub(super) struct World<'a> {
    pub rules: &'a Rules,
    pub now_ms: i64,
    pub zone: &'a TimeZone,
}

static COUNT: LazyLock<Regex> = LazyLock::new(|| Regex::new("^([1-9][0-9]{0,6}) <").unwrap());
static COUNT_BEGUN: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[1-9][0-9]{0,6} ?$").unwrap());

/// The events of a whole stream; what is unfinished at its end is none.
pub(super) fn stream(world: &World<'_>, stream: &[u8]) -> Vec<Plain> {
    let Rules { event_bytes_max: max, counted, .. } = *world.rules;
    let mut events = vec![];
    let mut rest = stream;
    let mut left = 0;
    loop {
        if left > 0 {
            let len = left.min(max);
            if rest.len() < len {
                return events;
            }
            left -= len;
            let content = &rest[..len];
            let content = if left == 0 { content.strip_suffix(b"\n").unwrap_or(content) } else { content };
            if !content.is_empty() {
                events.push(event(world, content, true, left > 0));
            }
            rest = &rest[len..];
            continue;
        }
        rest = &rest[rest.iter().take_while(|&&byte| byte == b'\n').count()..];
        let text = String::from_utf8_lossy(rest);
        if counted && let Some(found) = COUNT.captures(&text) {
            left = found[1].parse().unwrap();
            rest = &rest[found[1].len() + 1..];
        } else if counted && COUNT_BEGUN.is_match(&text) {
            return events;
        } else {
            let Some((content, end, incomplete)) = line(rest, max, world.rules.parser) else { return events };
            events.push(event(world, content, false, incomplete));
            rest = &rest[end..];
        }
    }
}

/// The state machine of Flume, byte by byte: the first message, where it ends, and whether it was cut.
fn line(bytes: &[u8], max: usize, parser: Parser) -> Option<(&[u8], usize, bool)> {
    enum Mode {
        Start,
        Prio(usize),
        Data,
    }
    let mut mode = if parser == Parser::Classic { Mode::Start } else { Mode::Data };
    for (at, &byte) in bytes.iter().enumerate() {
        match mode {
            Mode::Start if byte == b'<' => mode = Mode::Prio(0),
            Mode::Prio(digits) if byte.is_ascii_digit() && digits < 3 => mode = Mode::Prio(digits + 1),
            Mode::Start | Mode::Prio(_) => mode = Mode::Data,
            Mode::Data if byte == b'\n' => return Some((&bytes[..at], at + 1, false)),
            Mode::Data if at + 1 == max => return Some((&bytes[..max], max, true)),
            Mode::Data => {}
        }
    }
    None
}

/// The event of one message.
pub(super) fn event(world: &World<'_>, content: &[u8], counted: bool, incomplete: bool) -> Plain {
    match world.rules.parser {
        Parser::Classic => classic(world, content, counted, incomplete),
        Parser::Multiport => multiport(world, content, incomplete),
        Parser::Plain => (vec![], content.to_vec()),
    }
}

static PRIORITY: LazyLock<Regex> = LazyLock::new(|| Regex::new("^<([0-9]{1,3})>").unwrap());
const BLANK: &str = r"[ \t\n\x0b\f\r]";
const FIRST: &str = r"<([0-9]{1,3})>([0-9]?)_?(?:([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[+-][0-9]{2}:[0-9]{2}|Z)?)|-)_(?:([A-Za-z0-9=][A-Za-z0-9=.@-]*)|-)_(%)";
const SECOND: &str = r"<([0-9]{1,3})>([0-9]?)_?([A-Z][a-z][a-z]_{1,2}[0-9]{1,2}_[0-9]{2}:[0-9]{2}:[0-9]{2})_([A-Za-z0-9=][A-Za-z0-9=.@-]*)_(%)";

static FORMS: LazyLock<[[Regex; 2]; 2]> = LazyLock::new(|| {
    let dots = [r"[^\n\r\u{85}\u{2028}\u{2029}]*", r"(?s:.)*"];
    let form = |text: &str, dot: &str| text.replace('_', BLANK).replace('=', "_").replace('%', dot);
    dots.map(|dot| [FIRST, SECOND].map(|text| Regex::new(&format!("^{}$", form(text, dot))).unwrap()))
});

fn classic(world: &World<'_>, content: &[u8], counted: bool, incomplete: bool) -> Plain {
    let text = String::from_utf8_lossy(content);
    let pri = PRIORITY.captures(&text).map(|found| found[1].parse::<u32>().unwrap());
    let mut headers = vec![("Facility", pri.unwrap_or(0) / 8), ("Severity", pri.unwrap_or(0) % 8)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect::<Vec<_>>();
    let status = if incomplete { "Incomplete" } else { "" };
    let fields = pri.and_then(|_| FORMS[usize::from(counted)].iter().find_map(|form| form.captures(&text)));
    let Some(fields) = fields else {
        push(&mut headers, "flume.syslog.status", if pri.is_none() { "Invalid" } else { status });
        return (headers, content.to_vec());
    };
    let group = |at: usize| fields.get(at).map_or("", |group| group.as_str());
    push(&mut headers, "priority", group(1));
    push(&mut headers, "version", group(2));
    push(&mut headers, "timestamp", &timestamp(world, group(3)).map_or(String::new(), |ms| ms.to_string()));
    push(&mut headers, "flume.syslog.status", status);
    push(&mut headers, "host", group(4));
    let or_nil =
        |text: &'static str| move |group: &str| if group.is_empty() { text.to_owned() } else { group.to_owned() };
    let kept = [group(1).to_owned(), group(2).to_owned(), or_nil("-")(group(3)), or_nil("-")(group(4))];
    let body = kept_fields(world.rules.keep, &kept) + group(5);
    let raw = world.rules.keep.all || body.is_empty();
    (headers, if raw { content.to_vec() } else { body.into_bytes() })
}

fn push(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !value.is_empty() {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

fn kept_fields(keep: Keep, [priority, version, stamp, host]: &[String; 4]) -> String {
    let parts = [
        (keep.priority, format!("<{priority}>")),
        (keep.version && !version.is_empty(), format!("{version} ")),
        (keep.timestamp, format!("{stamp} ")),
        (keep.hostname, format!("{host} ")),
    ];
    parts.into_iter().filter_map(|(kept, part)| kept.then_some(part)).collect()
}

static ISO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([+-])(\d\d):(\d\d)|(Z))?$").unwrap()
});
static BSD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([A-Z][a-z][a-z])  ?(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})$").unwrap());

/// A time of either kind, in milliseconds; days and hours that there are not are those behind.
fn timestamp(world: &World<'_>, text: &str) -> Option<i64> {
    if let Some(found) = ISO.captures(text) {
        let number = |at: usize| found.get(at).map_or(0, |group| group.as_str().parse::<i64>().unwrap());
        let wall = wall(number(1), [2, 3, 4, 5, 6].map(number));
        let millis = found.get(7).map_or(0, |digits| format!("{}00", digits.as_str())[..3].parse::<i64>().unwrap());
        let sign = if found.get(8).is_some_and(|sign| sign.as_str() == "-") { -1 } else { 1 };
        return Some(if found.get(8).is_some() || found.get(11).is_some() {
            millis_in(wall, &TimeZone::UTC) - sign * (number(9) * 60 + number(10)) * 60_000 + millis
        } else {
            millis_in(wall, world.zone) + millis
        });
    }
    let found = BSD.captures(text)?;
    let number = |at: usize| found[at].parse::<i64>().unwrap();
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = names.iter().position(|&name| name == &found[1])?.cast_signed() as i64 + 1;
    let fields = [month, number(2), number(3), number(4), number(5)];
    let now = jiff::Timestamp::from_millisecond(world.now_ms).unwrap();
    let year = i64::from(now.to_zoned(TimeZone::UTC).year());
    let in_year = |year: i64| wall(year, fields);
    let ms = |wall: DateTime| millis_in(wall, world.zone);
    let this = in_year(year);
    Some(if ms(this) > world.now_ms && ms(this - 1.month()) > world.now_ms {
        ms(in_year(year - 1))
    } else if ms(this) < world.now_ms && ms(this + 11.months()) < world.now_ms {
        ms(in_year(year + 1))
    } else {
        ms(this)
    })
}

fn wall(year: i64, [month, day, hour, minute, second]: [i64; 5]) -> DateTime {
    let first = DateTime::new(year as i16, 1, 1, 0, 0, 0, 0).unwrap();
    let whole = first + (month - 1).months();
    whole + (day - 1).days() + hour.hours() + minute.minutes() + second.seconds()
}

fn millis_in(wall: DateTime, zone: &TimeZone) -> i64 {
    let zoned = zone.to_ambiguous_zoned(wall).later().unwrap();
    zoned.timestamp().as_millisecond()
}

fn multiport(world: &World<'_>, content: &[u8], incomplete: bool) -> Plain {
    let status = if incomplete { "Incomplete" } else { "" };
    let understood = str::from_utf8(content).ok().and_then(|text| multiport_text(world, text, status));
    understood.unwrap_or_else(|| (vec![("flume.syslog.status".to_owned(), "Invalid".to_owned())], content.to_vec()))
}

static MULTIPORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)^<([0-9]{1,5})>(?:(1) (.+)|(.+))$").unwrap());
static MULTIPORT_TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)^(?:(-)[\x00-\x7f]|([A-Z][\x00-\x7f]{14})[\x00-\x7f]|([^A-Z-][^ ]*) )([^ ]*) (.*)$").unwrap()
});
static STRICT_ISO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.[0-9]+)?(?:[+-][0-9]{2}:[0-9]{2}|Z)$").unwrap()
});

fn multiport_text(world: &World<'_>, text: &str, status: &str) -> Option<Plain> {
    let found = MULTIPORT.captures(text)?;
    let pri: u32 = found[1].parse().unwrap();
    let version = found.get(2).map_or("", |group| group.as_str());
    let rest = found.get(3).or(found.get(4)).unwrap().as_str();
    let fields = MULTIPORT_TIME.captures(rest)?;
    let group = |at: usize| fields.get(at).map_or("", |group| group.as_str());
    let ms = if group(1) == "-" {
        world.now_ms
    } else if group(2).is_empty() {
        let day = STRICT_ISO.captures(group(3))?;
        day[1].parse::<jiff::civil::Date>().ok()?;
        timestamp(world, group(3))?
    } else {
        let strict = format!("2000 {}", group(2).replacen("  ", " ", 1));
        DateTime::strptime("%Y %b %d %H:%M:%S", &strict)
            .ok()
            .filter(|_| BSD.is_match(group(2)) && !group(2).ends_with("60"))
            .and_then(|_| timestamp(world, group(2)))
            .unwrap_or(0)
    };
    let stamp = [group(1), group(2), group(3)].concat();
    let mut headers =
        vec![("Facility".to_owned(), (pri / 8).to_string()), ("Severity".to_owned(), (pri % 8).to_string())];
    push(&mut headers, "Priority", &found[1]);
    push(&mut headers, "Version", version);
    push(&mut headers, "timestamp", &ms.to_string());
    push(&mut headers, "flume.syslog.status", status);
    headers.push(("host".to_owned(), group(4).to_owned()));
    let keep = world.rules.keep;
    let kept = [found[1].to_owned(), version.to_owned(), stamp, group(4).to_owned()];
    let raw = keep.all || group(5).is_empty();
    Some((headers, if raw { text.into() } else { (kept_fields(keep, &kept) + group(5)).into_bytes() }))
}
