//! Events that count: for sources that make their own load.
#![forbid(unsafe_code)]

use crate::batch::Space;

/// Most digits of a number.
const DIGITS: usize = 20;

/// Writes events without headers whose bodies are `from`, `from + 1`, … in decimal ASCII. Answers how many there was room for, at most `count`.
pub fn push_numbers(from: u64, count: usize, space: &mut Space<'_>) -> usize {
    let mut digits = [b'0'; DIGITS];
    let mut first = write(from, &mut digits);
    for written in 0..count {
        if space.push(&[0], &digits[first..]).is_err() {
            return written;
        }
        first = first.min(increment(&mut digits));
    }
    count
}

/// Writes a number to the end of `digits`, which are zeros, and answers where it begins.
fn write(number: u64, digits: &mut [u8; DIGITS]) -> usize {
    let mut rest = number;
    let mut at = DIGITS;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return at;
        }
    }
}

/// Adds one and answers the place of the highest digit that changed; after the largest number comes 0.
fn increment(digits: &mut [u8; DIGITS]) -> usize {
    for at in (0..DIGITS).rev() {
        if digits[at] != b'9' {
            digits[at] += 1;
            return at;
        }
        digits[at] = b'0';
    }
    DIGITS - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Entry;

    fn numbers(from: u64, count: usize) -> Vec<String> {
        let (mut events, mut table) = (vec![0; 4096], vec![Entry::default(); 100]);
        let mut space = Space::new(&mut events, &mut table, 0);
        assert_eq!(push_numbers(from, count, &mut space), count);
        space.run().iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()).collect()
    }

    #[test]
    fn numbers_count_up_through_every_carry() {
        for from in [0, 7, 95, 999_990, 9_999_999_999] {
            assert_eq!(numbers(from, 20), (from..from + 20).map(|number| number.to_string()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn numbers_stop_where_the_space_ends() {
        let (mut events, mut table) = ([0; 10], [Entry::default(); 100]);
        assert_eq!(push_numbers(0, 100, &mut Space::new(&mut events, &mut table, 0)), 3);
    }
}
