//! How Flume's `multiport_syslogtcp` understands a message.
//!
//! ```text
//! <1 to 5 digits> "1 "? time host blank text
//! time:   -                                          and any character: now
//!         Mmm d|dd hh:mm:ss, 15 characters           and any character
//!         YYYY-MM-DDThh:mm:ss[.digits](±hh:mm|Z)     and a blank
//! ```

use encoding_rs::Encoding;
use memchr::memchr;

use super::{
    event::{Event, Status},
    scan::{Wall, behind, fraction, iso, month, one_or_two_digits, zone},
    time::Clock,
};

/// Most digits of a priority.
const PRIORITY_DIGITS: usize = 5;
/// How long a time of RFC 3164 is.
const RFC3164_LEN: usize = 15;

/// Understands a message, or says that it is invalid.
#[inline]
pub(super) fn parse<'a>(
    raw: &'a [u8],
    incomplete: bool,
    charset: Option<&'static Encoding>,
    clock: &mut Clock<'_>,
) -> Event<'a> {
    let invalid = Event { status: Status::Invalid, ..Event::plain(raw) };
    if !raw.is_ascii() && !is_text(raw, charset) {
        return invalid;
    }
    let status = if incomplete { Status::Incomplete } else { Status::Good };
    fields(raw, clock).map_or(invalid, |event| Event { charset, status, ..event })
}

#[cold]
fn is_text(raw: &[u8], charset: Option<&'static Encoding>) -> bool {
    match charset {
        None => str::from_utf8(raw).is_ok(),
        Some(charset) => charset.decode_without_bom_handling_and_without_replacement(raw).is_some(),
    }
}

#[inline]
fn fields<'a>(raw: &'a [u8], clock: &mut Clock<'_>) -> Option<Event<'a>> {
    let rest = behind(raw, b'<')?;
    let end = rest.iter().take(PRIORITY_DIGITS + 1).position(|&byte| byte == b'>')?;
    let priority = &rest[..end];
    let digits = end > 0 && priority.iter().all(u8::is_ascii_digit);
    let pri = digits.then(|| priority.iter().fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0')))?;
    let rest = &rest[end + 1..];
    // As the only two characters left, they are no version.
    let versioned = rest.starts_with(b"1 ") && rest.len() > 2;
    let (version, rest) = if versioned { (&rest[..1], &rest[2..]) } else { (&rest[..0], rest) };
    let (stamp_len, timestamp) = match rest.first()? {
        b'-' => (1, clock.now_ms),
        b'A'..=b'Z' => (RFC3164_LEN, rfc3164(rest, clock)?),
        _ => rfc5424(rest, clock)?,
    };
    let (stamp, rest) = rest.split_at(stamp_len);
    let (&blank, rest) = rest.split_first()?;
    let host_len = memchr(b' ', rest)?;
    let (host, text) = rest.split_at(host_len);
    blank.is_ascii().then(|| Event {
        capitals: true,
        pri: Some(pri),
        priority,
        version,
        stamp,
        timestamp: Some(timestamp),
        host: Some(host),
        host_text: host,
        text: Some(&text[1..]).filter(|text| !text.is_empty()),
        ..Event::plain(raw)
    })
}

/// What time it is and how many characters say so.
#[inline]
fn rfc5424(text: &[u8], clock: &mut Clock<'_>) -> Option<(usize, i64)> {
    let (wall, rest) = iso(text)?;
    let (_, millis, rest) = fraction(rest);
    let (minutes, rest) = zone(rest)?;
    let valid = (1..=12).contains(&wall.month) && wall.day >= 1 && wall.day <= length_of(wall.month, wall.year);
    (valid && is_time(&wall) && rest.first() == Some(&b' '))
        .then(|| (text.len() - rest.len(), clock.millis(&wall, millis, Some(minutes))))
}

/// What time it is: 0 when nobody can tell.
fn rfc3164(text: &[u8], clock: &mut Clock<'_>) -> Option<i64> {
    let stamp = text.get(..RFC3164_LEN).filter(|stamp| stamp.is_ascii())?;
    Some(without_year(stamp).map_or(0, |wall| clock.millis_without_year(&wall)))
}

fn without_year(stamp: &[u8]) -> Option<Wall> {
    let (name, rest) = stamp.split_first_chunk::<3>()?;
    let rest = behind(rest, b' ')?;
    let (day, rest) = one_or_two_digits(behind(rest, b' ').unwrap_or(rest))?;
    let (hour, rest) = one_or_two_digits(behind(rest, b' ')?)?;
    let (minute, rest) = one_or_two_digits(behind(rest, b':')?)?;
    let (second, rest) = one_or_two_digits(behind(rest, b':')?)?;
    let wall = Wall { year: 0, month: month(name)?, day, hour, minute, second };
    let valid = rest.is_empty() && day >= 1 && day <= length_of(wall.month, 2000) && is_time(&wall);
    valid.then_some(wall)
}

const fn is_time(wall: &Wall) -> bool {
    wall.hour < 24 && wall.minute < 60 && wall.second < 60
}

const fn length_of(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
