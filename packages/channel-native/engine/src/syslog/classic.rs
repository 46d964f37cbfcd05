//! How Flume's `syslogtcp` and `syslogudp` understand a message.
//!
//! ```text
//! <1 to 3 digits> digit? blank? YYYY-MM-DDThh:mm:ss[.1 to 6 digits][±hh:mm|Z] blank host blank text
//!                               or -                                                or -
//! <1 to 3 digits> digit? blank? Mmm d|dd hh:mm:ss                             blank host blank text
//! ```

use memchr::{memchr, memmem};

use super::{
    event::{Event, Status},
    scan::{Wall, behind, digits, fraction, iso, month, one_or_two_digits, zone},
    time::Clock,
};

/// Most digits of a fraction of a second.
const FRACTION_DIGITS: usize = 6;

/// Understands a message as far as it can. In a counted one, line ends are characters like any other.
#[inline]
pub(super) fn parse<'a>(raw: &'a [u8], counted: bool, incomplete: bool, clock: &mut Clock<'_>) -> Event<'a> {
    let Some((priority, pri, rest)) = priority(raw) else {
        return Event { pri: Some(0), status: Status::Invalid, ..Event::plain(raw) };
    };
    let status = if incomplete { Status::Incomplete } else { Status::Good };
    let event = Event { pri: Some(pri), status, ..Event::plain(raw) };
    match fields(rest, counted, clock) {
        Some(fields) => Event { priority, replaces: true, ..with(event, fields) },
        None => event,
    }
}

/// What a header says.
#[derive(Clone, Copy)]
struct Fields<'a> {
    version: &'a [u8],
    stamp: &'a [u8],
    timestamp: Option<i64>,
    host: &'a [u8],
    text: &'a [u8],
}

fn with<'a>(event: Event<'a>, fields: Fields<'a>) -> Event<'a> {
    let Fields { version, stamp, timestamp, host, text } = fields;
    Event {
        version,
        stamp,
        timestamp,
        host: (host != b"-").then_some(host),
        host_text: host,
        text: Some(text),
        ..event
    }
}

fn priority(raw: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let rest = behind(raw, b'<')?;
    let count = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let (priority, rest) = rest.split_at(count);
    let pri = priority.iter().fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0'));
    (count > 0).then_some((priority, pri, behind(rest, b'>')?))
}

#[inline]
fn fields<'a>(rest: &'a [u8], counted: bool, clock: &mut Clock<'_>) -> Option<Fields<'a>> {
    // A digit in front of a year would be the fifth.
    let versioned = rest.first()?.is_ascii_digit() && !(digits::<4>(rest).is_some() && rest.get(4) == Some(&b'-'));
    let (version, rest) = rest.split_at(usize::from(versioned));
    let rest = match rest.split_first()? {
        (&byte, behind) if is_blank(byte) => behind,
        _ => rest,
    };
    let (timestamp, behind_stamp, hosted) = match rest.first()? {
        b'-' => (None, &rest[1..], false),
        b'0'..=b'9' => {
            let (timestamp, behind) = rfc5424(rest, clock)?;
            (Some(timestamp), behind, false)
        }
        _ => {
            let (timestamp, behind) = rfc3164(rest, clock)?;
            (timestamp, behind, true)
        }
    };
    let stamp = &rest[..rest.len() - behind_stamp.len()];
    let (host, text) = host(behind_blank(behind_stamp)?, hosted)?;
    let text = behind_blank(text)?;
    (counted || !has_line_end(text)).then_some(Fields { version, stamp, timestamp, host, text })
}

#[inline]
fn rfc5424<'a>(text: &'a [u8], clock: &mut Clock<'_>) -> Option<(i64, &'a [u8])> {
    let (wall, rest) = iso(text)?;
    let (count, millis, rest) = fraction(rest);
    let (zone, rest) = match zone(rest) {
        Some((minutes, rest)) => (Some(minutes), rest),
        None => (None, rest),
    };
    (count <= FRACTION_DIGITS).then(|| (clock.millis(&wall, millis, zone), rest))
}

/// A time whose words are no time, such as a thirteenth month, is none, though the message is good.
fn rfc3164<'a>(text: &'a [u8], clock: &mut Clock<'_>) -> Option<(Option<i64>, &'a [u8])> {
    let (name, rest) = text.split_first_chunk::<3>()?;
    let capitalized = name[0].is_ascii_uppercase() && name[1..].iter().all(u8::is_ascii_lowercase);
    let blanks = rest.iter().take(2).take_while(|&&byte| is_blank(byte)).count();
    if !capitalized || blanks == 0 {
        return None;
    }
    let (day, behind_day) = one_or_two_digits(&rest[blanks..])?;
    let (time, rest_of_text) = behind_blank(behind_day)?.split_first_chunk::<8>()?;
    let [_, _, b':', _, _, b':', _, _] = time else { return None };
    let (hour, minute, second) = (digits::<2>(time)?, digits::<2>(&time[3..])?, digits::<2>(&time[6..])?);
    // Other blanks than these are no time to Java.
    let spaced = rest[..blanks].iter().all(|&byte| byte == b' ') && behind_day[0] == b' ';
    let wall = |month| Wall { year: 0, month, day, hour, minute, second };
    let timestamp = month(name).filter(|_| spaced).map(|month| clock.millis_without_year(&wall(month)));
    Some((timestamp, rest_of_text))
}

/// A host at the front, and what follows it; `-` is none, where there need not be one.
#[inline]
fn host(text: &[u8], required: bool) -> Option<(&[u8], &[u8])> {
    let first = *text.first()?;
    if first == b'-' && !required {
        return Some(text.split_at(1));
    }
    if !is_word(first) {
        return None;
    }
    let len = text.iter().take_while(|&&byte| is_word(byte) || matches!(byte, b'.' | b'@' | b'-')).count();
    Some(text.split_at(len))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether Java's `\s` means it.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[inline]
fn behind_blank(text: &[u8]) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| is_blank(**first)).map(|(_, rest)| rest)
}

/// Whether there is something that Java's `.` does not mean: a line end of any kind, of which U+0085, U+2028 and U+2029 take several bytes.
#[inline]
fn has_line_end(text: &[u8]) -> bool {
    if memchr(b'\r', text).is_some() || memchr(b'\n', text).is_some() {
        return true;
    }
    let wide = |end: &str| memmem::find(text, end.as_bytes()).is_some();
    !text.is_ascii() && ["\u{85}", "\u{2028}", "\u{2029}"].into_iter().any(wide)
}
