//! Looking at the front of a text.

/// The number that the first digits of a text are, all of `N` of them.
#[inline]
pub(super) fn digits<const N: usize>(text: &[u8]) -> Option<u32> {
    let digits: &[u8; N] = text.first_chunk()?;
    let mut number = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = 10 * number + u32::from(byte - b'0');
    }
    Some(number)
}

/// The number that one or two digits are, and what follows them.
pub(super) fn one_or_two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    match digits::<2>(text) {
        Some(number) => Some((number, &text[2..])),
        None => Some((digits::<1>(text)?, &text[1..])),
    }
}

/// What follows a byte at the front, if it is there.
#[inline]
pub(super) fn behind(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.strip_prefix(&[byte])
}

/// A date and a time as they are written, in whatever zone; any digits will do: the 32nd is the day behind the 31st, as Java's calendar has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wall {
    pub year: u32,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

/// Length of `YYYY-MM-DDThh:mm:ss`.
const ISO_LEN: usize = 19;

/// Reads `YYYY-MM-DDThh:mm:ss` at the front, and what follows it.
#[inline]
pub(super) fn iso(text: &[u8]) -> Option<(Wall, &[u8])> {
    let (stamp, rest) = text.split_first_chunk::<ISO_LEN>()?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _] = stamp else { return None };
    let pair = |at: usize| digits::<2>(&stamp[at..]);
    let wall = Wall {
        year: digits::<4>(stamp)?,
        month: pair(5)?,
        day: pair(8)?,
        hour: pair(11)?,
        minute: pair(14)?,
        second: pair(17)?,
    };
    Some((wall, rest))
}

/// Reads a point and at least one digit at the front as milliseconds, if they are there: how many digits, how many milliseconds, what follows.
#[inline]
pub(super) fn fraction(text: &[u8]) -> (usize, u32, &[u8]) {
    let Some(rest) = behind(text, b'.') else { return (0, 0, text) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digit = |at: usize| if at < count { u32::from(rest[at] - b'0') } else { 0 };
    if count == 0 {
        return (0, 0, text);
    }
    (count, 100 * digit(0) + 10 * digit(1) + digit(2), &rest[count..])
}

/// Reads `Z` or `±hh:mm` at the front as minutes east of Greenwich, and what follows it.
#[inline]
pub(super) fn zone(text: &[u8]) -> Option<(i32, &[u8])> {
    let sign = match text.first()? {
        b'Z' => return Some((0, &text[1..])),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = digits::<2>(&text[1..])?;
    let minutes = digits::<2>(behind(&text[3..], b':')?)?;
    Some((sign * (60 * hours + minutes).cast_signed(), &text[6..]))
}

/// The number of a month, from 1, by its first three letters in English.
pub(super) fn month(name: &[u8]) -> Option<u32> {
    const NAMES: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    NAMES.chunks_exact(3).position(|known| known == name).map(|at| at as u32 + 1)
}
