//! Avro's `long`: zig-zag, then 7 bits to a byte, the lowest first.

use crate::{Error, Result};

/// The most bytes a `long` may take on the wire.
const WIDTH_MAX: usize = 10;

/// How many bytes a length takes when it is written as short as possible.
pub(crate) const fn width(length: usize) -> usize {
    // A zig-zagged length has one bit more. `bits * 9 + 64 >> 6` is `ceil(bits / 7)` for 1 to 64 bits.
    let bits = 64 - ((length as u64) << 1 | 1).leading_zeros() as usize;
    (bits * 9 + 64) >> 6
}

/// Writes a length at the front of `target`, which must have [`width`] bytes, and returns how many it took.
pub(crate) fn write(target: &mut [u8], length: usize) -> usize {
    let mut rest = (length as u64) << 1;
    let mut at = 0;
    while rest >= 0x80 {
        target[at] = rest as u8 | 0x80;
        rest >>= 7;
        at += 1;
    }
    target[at] = rest as u8;
    at + 1
}

/// Reads a `long` of at most ten bytes at `at`, minimal or not, and returns it with the offset behind it.
pub(crate) fn read(input: &[u8], at: usize) -> Result<(i64, usize)> {
    match read_started(input, at) {
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err(invalid("the input ends inside a number", input.len())),
        Err(what) => Err(invalid(what, at)),
    }
}

/// As [`read`], of input that goes on: none when the number ends behind it.
///
/// # Errors
/// What is wrong with the number.
pub(crate) fn read_started(input: &[u8], at: usize) -> std::result::Result<Option<(i64, usize)>, &'static str> {
    let mut bits = 0_u64;
    for (index, &byte) in input.get(at..).unwrap_or_default().iter().take(WIDTH_MAX).enumerate() {
        if index == WIDTH_MAX - 1 && byte > 1 {
            return Err("a number has more than 64 bits");
        }
        bits |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            let value = (bits >> 1).cast_signed() ^ -((bits & 1).cast_signed());
            return Ok(Some((value, at + index + 1)));
        }
    }
    Ok(None)
}

/// Reads a length at `at`; what it measures must lie in the rest of the input.
pub(crate) fn read_length(input: &[u8], at: usize) -> Result<(usize, usize)> {
    let (length, next) = read(input, at)?;
    match usize::try_from(length) {
        Ok(length) if length <= input.len() - next => Ok((length, next)),
        Ok(_) => Err(invalid("a length reaches beyond the end of the input", at)),
        Err(_) => Err(invalid("a length is negative", at)),
    }
}

pub(crate) const fn invalid(what: &'static str, offset: usize) -> Error {
    Error::InvalidBatch { what, offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_back_from_as_few_bytes_as_they_can_have() {
        for bits in 0..=32 {
            for length in [(1_usize << bits) - 1, 1 << bits, (1 << bits) + 1] {
                let mut bytes = [0; 10];
                let written = write(&mut bytes, length);
                assert_eq!(written, width(length), "of {length}");
                assert_eq!(read(&bytes, 0), Ok((length.cast_signed() as i64, written)));
                assert!(written == 1 || bytes[written - 1] != 0, "{length} has a needless byte");
            }
        }
    }

    #[test]
    fn numbers_are_believed_up_to_ten_bytes_and_64_bits() {
        let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(read(&lowest, 0), Ok((i64::MIN, 10)));
        let padded = [0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(read(&padded, 0), Ok((1, 10)));
        let wide = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        assert_eq!(read(&wide, 0), Err(invalid("a number has more than 64 bits", 0)));
        assert_eq!(read(&[0, 0x80], 1), Err(invalid("the input ends inside a number", 2)));
        assert_eq!(read(&[0], 7), Err(invalid("the input ends inside a number", 1)));
    }

    #[test]
    fn a_length_is_believed_only_up_to_the_rest_of_the_input() {
        assert_eq!(read_length(&[4, 1, 2], 0), Ok((2, 1)));
        let beyond = Err(invalid("a length reaches beyond the end of the input", 0));
        assert_eq!(read_length(&[6, 1, 2], 0), beyond);
        assert_eq!(read_length(&[1], 0), Err(invalid("a length is negative", 0)));
    }
}
