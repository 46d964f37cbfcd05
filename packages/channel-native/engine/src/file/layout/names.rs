//! Names of files in a data directory.

use super::NUMBERS_END;

const QUARANTINED: &str = ".quarantined";

/// The name of a segment.
#[must_use]
pub fn segment_name(number: u64) -> String {
    format!("{number:016x}.segment")
}

/// The name of a segment that was set aside because something in it cannot be read.
#[must_use]
pub fn damaged_name(number: u64) -> String {
    format!("{number:016x}.damaged")
}

/// The name of the checkpoint of a log.
#[must_use]
pub fn checkpoint_name(log_id: u64) -> String {
    format!("{log_id:016x}.checkpoint")
}

/// The log whose checkpoints are in the file of this name.
#[must_use]
pub fn checkpoint_log_id(name: &str) -> Option<u64> {
    number(name, ".checkpoint")
}

/// The name of a file that was moved out of the way because it is not this channel's to read.
#[must_use]
pub fn quarantined_name(name: &str) -> String {
    format!("{name}{QUARANTINED}")
}

/// The number of the segment that has this name.
#[must_use]
pub fn segment_number(name: &str) -> Option<u64> {
    number(name, ".segment").filter(|number| *number < NUMBERS_END)
}

/// The number that this name has used up, whatever the file is now.
#[must_use]
pub fn used_number(name: &str) -> Option<u64> {
    let name = name.strip_suffix(QUARANTINED).unwrap_or(name);
    segment_number(name).or_else(|| number(name, ".damaged").filter(|number| *number < NUMBERS_END))
}

/// Whether this is a file that Flume's file channel keeps its events in.
#[must_use]
pub fn is_flume(name: &str) -> bool {
    let id = name.strip_prefix("log-").map(|rest| rest.split_once('.').map_or(rest, |(id, _)| id));
    id.is_some_and(|id| !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit()))
}

fn number(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let plain = digits.len() == 16 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if plain { u64::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_a_number_one_name() {
        for number in [0, 1, 0xfeed, NUMBERS_END - 1] {
            assert_eq!(segment_number(&segment_name(number)), Some(number));
            assert_eq!(segment_number(&damaged_name(number)), None);
            assert_eq!(used_number(&damaged_name(number)), Some(number));
            assert_eq!(segment_number(&quarantined_name(&segment_name(number))), None);
            assert_eq!(used_number(&quarantined_name(&segment_name(number))), Some(number));
            assert_eq!(checkpoint_log_id(&checkpoint_name(number)), Some(number));
        }
        for name in ["1.segment", "000000000000000A.segment", "+00000000000000a.segment", "filling", "é.segment", ""] {
            assert_eq!(segment_number(name), None, "{name}");
        }
    }

    #[test]
    fn files_of_flume_are_known_from_ours() {
        for name in ["log-1", "log-27.meta", "log-3.meta.tmp", "log-3.meta.old"] {
            assert!(is_flume(name), "{name}");
        }
        for name in ["log-", "log-a", "log-.meta", "catalog-1", "in_use.lock", &segment_name(1)] {
            assert!(!is_flume(name), "{name}");
        }
    }
}
