//! What a checkpoint says, and the two slots of its file.

use std::io::{self, IoSlice};

use bytemuck::{Pod, Zeroable};

use super::{
    Consumed, Position, StorageFile,
    layout::{NUMBERS_END, VERSION, checksum},
};

/// Bytes of a slot; the file has two.
const SLOT: usize = 65_536;
/// Bytes of a file of checkpoints.
pub const FILE_LEN: usize = 2 * SLOT;

const MAGIC: [u8; 8] = *b"MRCHECKP";
const FIXED: usize = size_of::<Fixed>();
const PAIR: usize = 16;
/// How many ranges a slot has room for.
const PAIRS_MAX: usize = (SLOT - FIXED) / PAIR;

const _: () = assert!(FIXED == 88);

/// Up to where a log was durable once, and what of it was consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub log_id: u64,
    /// Grows by one with each checkpoint that was written; it says which slot is next. One that failed is tried again with the same.
    pub generation: u64,
    /// The end of what it speaks about.
    pub position: Position,
    /// The nonce of the segment of the position.
    pub nonce: u64,
    /// The next ordinal there.
    pub next_ordinal: u64,
    /// The next sequence there.
    pub next_sequence: u64,
    /// The lowest number of a segment that is still needed.
    pub lowest_segment: u64,
    /// What was consumed then, or later.
    pub consumed: Consumed,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Fixed {
    magic: [u8; 8],
    version: u32,
    checksum: u32,
    log_id: u64,
    generation: u64,
    segment: u64,
    offset: u32,
    pairs: u32,
    next_ordinal: u64,
    next_sequence: u64,
    watermark: u64,
    lowest_segment: u64,
    nonce: u64,
}

impl Checkpoint {
    /// Whether it speaks of the log up to a place in this very segment.
    #[must_use]
    pub const fn is_in(&self, number: u64, nonce: u64) -> bool {
        self.position.segment == number && self.nonce == nonce
    }

    fn encode(&self) -> Vec<u8> {
        let mut pairs: Vec<_> = self.consumed.pairs().collect();
        if pairs.len() > PAIRS_MAX {
            // Whatever is left out is delivered again: the least.
            pairs.sort_by_key(|pair| std::cmp::Reverse(pair.end - pair.start));
            pairs.truncate(PAIRS_MAX);
        }
        let mut fixed = Fixed {
            magic: MAGIC,
            version: VERSION,
            checksum: 0,
            log_id: self.log_id,
            generation: self.generation,
            segment: self.position.segment,
            offset: self.position.offset,
            pairs: pairs.len() as u32,
            next_ordinal: self.next_ordinal,
            next_sequence: self.next_sequence,
            watermark: self.consumed.watermark(),
            lowest_segment: self.lowest_segment,
            nonce: self.nonce,
        };
        let mut bytes = bytemuck::bytes_of(&fixed).to_vec();
        bytes.extend(pairs.iter().flat_map(|pair| [pair.start, pair.end]).flat_map(u64::to_le_bytes));
        fixed.checksum = checksum(&bytes);
        bytes[..FIXED].copy_from_slice(bytemuck::bytes_of(&fixed));
        bytes
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let fixed: Fixed = bytemuck::pod_read_unaligned(slot.first_chunk::<FIXED>()?);
        let pairs =
            slot.get(FIXED..FIXED + PAIR * usize::try_from(fixed.pairs).ok().filter(|&pairs| pairs <= PAIRS_MAX)?)?;
        let covered = [bytemuck::bytes_of(&Fixed { checksum: 0, ..fixed }), pairs].concat();
        if fixed.magic != MAGIC || fixed.version != VERSION || fixed.checksum != checksum(&covered) {
            return None;
        }
        let mut consumed = Consumed::up_to(fixed.watermark);
        for pair in pairs.chunks_exact(PAIR) {
            let [first, end]: [u64; 2] = bytemuck::pod_read_unaligned(pair);
            consumed.insert(first, end);
        }
        let numbers = [fixed.generation, fixed.segment, fixed.next_ordinal, fixed.next_sequence, fixed.lowest_segment];
        if numbers.into_iter().any(|it| it >= NUMBERS_END) || consumed.end() >= NUMBERS_END {
            return None;
        }
        Some(Self {
            log_id: fixed.log_id,
            generation: fixed.generation,
            position: Position { segment: fixed.segment, offset: fixed.offset },
            nonce: fixed.nonce,
            next_ordinal: fixed.next_ordinal,
            next_sequence: fixed.next_sequence,
            lowest_segment: fixed.lowest_segment,
            consumed,
        })
    }
}

/// Writes a checkpoint and syncs it. The other slot, which has the one before, stays as it is.
///
/// # Errors
/// Whatever the operating system said; this one may then be there or not.
pub fn write<F: StorageFile>(file: &F, checkpoint: &Checkpoint) -> io::Result<()> {
    let slot = (checkpoint.generation % 2) * SLOT as u64;
    file.write_at(slot, &mut [IoSlice::new(&checkpoint.encode())])?;
    file.sync()
}

/// What stands in a file of checkpoints.
#[derive(Debug, Default)]
pub struct Slots {
    /// Those that can be read, the newest first.
    pub checkpoints: Vec<Checkpoint>,
    /// Whether anything else was ever written there.
    pub has_others: bool,
}

/// Reads both slots.
///
/// # Errors
/// Whatever the operating system said.
pub fn read<F: StorageFile>(file: &F) -> io::Result<Slots> {
    let mut bytes = vec![0; usize::try_from(file.len()?).map_or(2 * SLOT, |len| len.min(2 * SLOT))];
    file.read_at(0, &mut bytes)?;
    let mut slots = Slots::default();
    for slot in bytes.chunks(SLOT) {
        match Checkpoint::decode(slot) {
            Some(checkpoint) => slots.checkpoints.push(checkpoint),
            None => slots.has_others |= slot.iter().any(|&byte| byte != 0),
        }
    }
    slots.checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.generation));
    Ok(slots)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{
        super::{Storage, sim::World},
        *,
    };
    use crate::batch::model::cases;

    fn checkpoint(generation: u64, ranges: u64) -> Checkpoint {
        let mut consumed = Consumed::up_to(100);
        for range in 0..ranges {
            // Of 1 to 7 ordinals.
            consumed.insert(200 + 10 * range, 201 + 10 * range + range % 7);
        }
        Checkpoint {
            log_id: 7,
            generation,
            position: Position { segment: 3, offset: 8192 },
            nonce: 0xfeed,
            next_ordinal: 1_000_000,
            next_sequence: 40,
            lowest_segment: 2,
            consumed,
        }
    }

    #[test]
    fn a_checkpoint_reads_back() {
        for ranges in [0, 1, PAIRS_MAX as u64] {
            let bytes = checkpoint(4, ranges).encode();
            assert!(bytes.len() <= SLOT);
            assert_eq!(Checkpoint::decode(&bytes), Some(checkpoint(4, ranges)));
        }
    }

    #[test]
    fn when_there_is_no_room_the_least_is_delivered_again() {
        let all = checkpoint(4, PAIRS_MAX as u64 * 7 / 6);
        let kept = Checkpoint::decode(&all.encode()).unwrap();
        assert_eq!(kept.consumed.pairs().len(), PAIRS_MAX);
        assert!(kept.consumed.pairs().all(|pair| all.consumed.unconsumed_in(pair.start, pair.end).next().is_none()));
        assert!(
            kept.consumed.pairs().filter(|pair| pair.end - pair.start == 1).count() < 10,
            "longer ones are left out"
        );
    }

    #[test]
    fn any_changed_bit_and_any_missing_byte_is_noticed() {
        let bytes = checkpoint(4, 3).encode();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Checkpoint::decode(&changed), None, "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(Checkpoint::decode(&bytes[..len]), None);
        }
    }

    #[test]
    fn writing_one_leaves_the_one_before() {
        let directory = World::new(0).directory("/checkpoint");
        let file = directory.create("7.checkpoint").unwrap();
        assert_eq!(read(&file).unwrap().checkpoints, []);
        for generation in 1..5 {
            write(&file, &checkpoint(generation, 50 - generation * 10)).unwrap();
        }
        let slots = read(&file).unwrap();
        assert_eq!(slots.checkpoints, [checkpoint(4, 10), checkpoint(3, 20)]);
        assert!(!slots.has_others);
        directory.damage("7.checkpoint", |bytes| bytes[20] ^= 1).unwrap();
        let slots = read(&file).unwrap();
        assert_eq!(slots.checkpoints, [checkpoint(3, 20)]);
        assert!(slots.has_others);
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn nothing_else_is_a_checkpoint(mut bytes in vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Checkpoint::decode(&bytes), None);
            let magic = MAGIC.len().min(bytes.len());
            bytes[..magic].copy_from_slice(&MAGIC[..magic]);
            prop_assert_eq!(Checkpoint::decode(&bytes), None);
        }
    }
}
