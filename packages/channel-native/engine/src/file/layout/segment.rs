//! The header of a segment.

use bytemuck::{Pod, Zeroable};

use super::{NUMBERS_END, VERSION, checksum};

/// Where the first group of a segment begins. In front of it stands the header, twice.
pub const RECORDS_AT: u32 = 2 * COPY as u32;

/// How many endings a header may state.
pub const ENDINGS_MAX: usize = 160;

const SYNCED_IN_INTERVALS: u32 = 1;
const MAGIC: [u8; 8] = *b"MILLRACE";
const COPY: usize = 4096;
const FIXED: usize = size_of::<Fixed>();
const ENDING: usize = size_of::<RawEnding>();

const _: () = assert!(FIXED == 88 && ENDING == 24 && FIXED + ENDINGS_MAX * ENDING <= COPY);

/// What a segment says about itself and those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The log it belongs to: random, the same in all segments of a directory.
    pub log_id: u64,
    /// Its number.
    pub number: u64,
    /// Random, so that two histories of one directory are told apart.
    pub nonce: u64,
    /// The ordinal of the first event that can be in it.
    pub first_ordinal: u64,
    /// The sequence of the first record that can be in it.
    pub first_sequence: u64,
    /// When it was begun, milliseconds since 1970.
    pub begun_ms: u64,
    /// Bytes of the file.
    pub length: u32,
    /// Whether puts were answered before they were synced.
    pub synced_in_intervals: bool,
    /// Data directories of the channel.
    pub directories: u32,
    /// Where earlier segments end, the newest first. At most [`ENDINGS_MAX`].
    pub endings: Vec<Ending>,
}

/// Where a segment ends: what stands in it from there on is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The segment's number.
    pub number: u64,
    /// The first byte that does not count.
    pub end: u32,
    /// The ordinal behind its last event that does.
    pub next_ordinal: u64,
}

/// Why bytes are no header that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// They never were one, or are damaged.
    Unreadable,
    /// They are one of a version that is not known here.
    Version(u32),
    /// They are one with features that are not known here: these bits.
    Features(u32),
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Fixed {
    magic: [u8; 8],
    version: u32,
    checksum: u32,
    log_id: u64,
    number: u64,
    nonce: u64,
    first_ordinal: u64,
    first_sequence: u64,
    begun_ms: u64,
    length: u32,
    features: u32,
    hints: u32,
    directories: u32,
    endings: u32,
    zero: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct RawEnding {
    number: u64,
    end: u32,
    zero: u32,
    next_ordinal: u64,
}

impl SegmentHeader {
    /// What stands in front of the first group.
    ///
    /// # Panics
    /// With more than [`ENDINGS_MAX`] endings.
    #[must_use]
    pub fn encode(&self) -> [u8; RECORDS_AT as usize] {
        assert!(self.endings.len() <= ENDINGS_MAX, "a header has no room for {} endings", self.endings.len());
        let mut fixed = Fixed {
            magic: MAGIC,
            version: VERSION,
            checksum: 0,
            log_id: self.log_id,
            number: self.number,
            nonce: self.nonce,
            first_ordinal: self.first_ordinal,
            first_sequence: self.first_sequence,
            begun_ms: self.begun_ms,
            length: self.length,
            features: 0,
            hints: if self.synced_in_intervals { SYNCED_IN_INTERVALS } else { 0 },
            directories: self.directories,
            endings: self.endings.len() as u32,
            zero: 0,
        };
        let mut bytes = [0; RECORDS_AT as usize];
        let (copy, second) = bytes.split_at_mut(COPY);
        copy[..FIXED].copy_from_slice(bytemuck::bytes_of(&fixed));
        for (slot, &Ending { number, end, next_ordinal }) in copy[FIXED..].chunks_exact_mut(ENDING).zip(&self.endings) {
            slot.copy_from_slice(bytemuck::bytes_of(&RawEnding { number, end, zero: 0, next_ordinal }));
        }
        fixed.checksum = checksum(copy);
        copy[..FIXED].copy_from_slice(bytemuck::bytes_of(&fixed));
        second.copy_from_slice(copy);
        bytes
    }

    /// Reads a header from what stands in front of the first group: from the newer one of its two copies, if a crash left an older
    /// segment's in one of them.
    ///
    /// # Errors
    /// When there is none, or one that is not known here.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let mut newest: Option<Self> = None;
        for copy in bytes[..bytes.len().min(RECORDS_AT as usize)].chunks_exact(COPY) {
            match Self::decode_copy(copy) {
                Ok(header) if newest.as_ref().is_none_or(|newest| newest.number < header.number) => {
                    newest = Some(header);
                }
                Ok(_) | Err(HeaderFault::Unreadable) => {}
                Err(later) => return Err(later),
            }
        }
        newest.ok_or(HeaderFault::Unreadable)
    }

    /// Reads each of the two copies by itself.
    pub fn decode_copies(bytes: &[u8]) -> [Result<Self, HeaderFault>; 2] {
        [0, COPY].map(|at| bytes.get(at..at + COPY).map_or(Err(HeaderFault::Unreadable), Self::decode_copy))
    }

    /// Every version has magic, version and checksum in the same places.
    fn decode_copy(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let mut bytes: [u8; COPY] = bytes.try_into().map_err(|_| HeaderFault::Unreadable)?;
        let fixed: Fixed = bytemuck::pod_read_unaligned(&bytes[..FIXED]);
        bytes[..FIXED].copy_from_slice(bytemuck::bytes_of(&Fixed { checksum: 0, ..fixed }));
        if fixed.magic != MAGIC || fixed.checksum != checksum(&bytes) {
            return Err(HeaderFault::Unreadable);
        }
        if fixed.version != VERSION {
            return Err(HeaderFault::Version(fixed.version));
        }
        if fixed.features != 0 {
            return Err(HeaderFault::Features(fixed.features));
        }
        let ending = |raw: &[u8]| {
            let RawEnding { number, end, next_ordinal, .. } = bytemuck::pod_read_unaligned(raw);
            Ending { number, end, next_ordinal }
        };
        let header = Self {
            log_id: fixed.log_id,
            number: fixed.number,
            nonce: fixed.nonce,
            first_ordinal: fixed.first_ordinal,
            first_sequence: fixed.first_sequence,
            begun_ms: fixed.begun_ms,
            length: fixed.length,
            synced_in_intervals: fixed.hints & SYNCED_IN_INTERVALS != 0,
            directories: fixed.directories,
            endings: bytes[FIXED..].chunks_exact(ENDING).take(fixed.endings as usize).map(ending).collect(),
        };
        let endings = header.endings.iter().flat_map(|ending| [ending.number, ending.next_ordinal]);
        let highest = endings.chain([header.number, header.first_ordinal, header.first_sequence]).max();
        if highest.is_some_and(|highest| highest < NUMBERS_END) { Ok(header) } else { Err(HeaderFault::Unreadable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(number: u64, endings: usize) -> SegmentHeader {
        let ending =
            |at: usize| Ending { number: at as u64, end: 4096 * at as u32, next_ordinal: NUMBERS_END - 1 - at as u64 };
        SegmentHeader {
            log_id: 0x0102_0304_0506_0708,
            number,
            nonce: 0xfeed,
            first_ordinal: 7,
            first_sequence: 9,
            begun_ms: 1_700_000_000_000,
            length: 4 << 20,
            synced_in_intervals: true,
            directories: 2,
            endings: (0..endings).map(ending).collect(),
        }
    }

    /// Both copies with other bytes at `at` and a checksum that fits them.
    fn forged(at: usize, value: u32) -> [u8; RECORDS_AT as usize] {
        let mut bytes = header(3, 0).encode();
        for copy in bytes.chunks_exact_mut(COPY) {
            copy[12..16].fill(0);
            copy[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let sum = checksum(copy);
            copy[12..16].copy_from_slice(&sum.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_header_reads_back() {
        for endings in [0, 1, ENDINGS_MAX] {
            assert_eq!(SegmentHeader::decode(&header(3, endings).encode()), Ok(header(3, endings)));
        }
    }

    #[test]
    fn any_changed_bit_of_one_copy_is_noticed_and_the_other_one_serves() {
        let bytes = header(3, 2).encode();
        for bit in 0..COPY * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&changed), Ok(header(3, 2)), "bit {bit}");
            assert_eq!(SegmentHeader::decode_copies(&changed), [Err(HeaderFault::Unreadable), Ok(header(3, 2))]);
            changed[COPY..].fill(0);
            assert_eq!(SegmentHeader::decode(&changed), Err(HeaderFault::Unreadable), "bit {bit}");
        }
    }

    #[test]
    fn what_is_not_there_is_no_header() {
        let bytes = header(3, 2).encode();
        assert_eq!(SegmentHeader::decode(&bytes[..COPY]), Ok(header(3, 2)));
        for len in [0, 63, COPY - 1] {
            assert_eq!(SegmentHeader::decode(&bytes[..len]), Err(HeaderFault::Unreadable));
            assert!(SegmentHeader::decode_copies(&bytes[..len]).iter().all(Result::is_err));
        }
        assert_eq!(SegmentHeader::decode(&[0; RECORDS_AT as usize]), Err(HeaderFault::Unreadable));
    }

    #[test]
    fn the_newer_copy_counts() {
        let (old, new) = (header(3, 0).encode(), header(9, 1).encode());
        for copies in [[&old[COPY..], &new[COPY..]], [&new[COPY..], &old[COPY..]]] {
            assert_eq!(SegmentHeader::decode(&copies.concat()), Ok(header(9, 1)));
        }
    }

    #[test]
    fn what_a_later_version_wrote_is_told_from_damage() {
        assert_eq!(SegmentHeader::decode(&forged(8, 2)), Err(HeaderFault::Version(2)));
        assert_eq!(SegmentHeader::decode(&forged(68, 4)), Err(HeaderFault::Features(4)));
        assert!(SegmentHeader::decode(&forged(72, u32::MAX)).is_ok());
        assert!(SegmentHeader::decode(&forged(80, u32::MAX)).is_ok(), "no more endings than there is room for");
    }
}
