//! Directories with any bytes in them, also with ones that no writer writes and whose checksums are right all the same.

use std::io::IoSlice;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    Consumed, Storage, StorageFile,
    build::{Build, LOG_ID, Work},
    checkpoint::Checkpoint,
    layout::{Ending, Kind, NUMBERS_END, Position, RecordHeader, SegmentHeader, segment_name},
    rig::{Settings, with_rig},
    sim::{SimDisk, SimFile, World},
};
use crate::batch::model::effort;

/// What somebody has done to a directory.
#[derive(Clone, Debug)]
enum Forgery {
    /// Any bytes, anywhere in one of the files.
    Bytes(Index, Index, Vec<u8>),
    /// A record whose header says anything, with a checksum that fits it.
    Record(Index, bool, [u64; 4], [u32; 5]),
    /// A segment's header that says anything, with a checksum that fits it.
    Header(Index, [u64; 6], [u32; 3]),
    /// A checkpoint that says anything, with a checksum that fits it.
    Checkpoint([u64; 9], u32),
    /// A file is cut, or made longer.
    Length(Index, Index),
    /// A file has the name of another.
    Name(Index, u64),
}

/// Numbers at which something goes wrong, if anywhere.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..5_u64,
        2 => 0..200_u64,
        1 => (0..3_u64).prop_map(|it| u64::MAX - it),
        // With the last number that is believed there would be none for what comes next.
        1 => (0..64_u32, 0..3_u64).prop_map(|(bits, it)| (1_u64 << bits).wrapping_sub(it)).prop_filter("the last", |it| !(NUMBERS_END - 9..NUMBERS_END).contains(it)),
    ]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![
        2 => 0..5_u32,
        2 => 0..70_000_u32,
        1 => (0..3_u32).prop_map(|it| u32::MAX - it),
        2 => (0..17_u32).prop_map(|page| page * 4096),
    ]
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let numbers = || [number(), number(), number(), number()];
    prop_oneof![
        2 => (any::<Index>(), any::<Index>(), vec(any::<u8>(), 0..300)).prop_map(|(file, at, bytes)| Forgery::Bytes(file, at, bytes)),
        4 => (any::<Index>(), any::<bool>(), numbers(), [small(), small(), small(), small(), small()])
            .prop_map(|(at, is_put, wide, narrow)| Forgery::Record(at, is_put, wide, narrow)),
        3 => (any::<Index>(), [number(), number(), number(), number(), number(), number()], [small(), small(), small()])
            .prop_map(|(at, wide, narrow)| Forgery::Header(at, wide, narrow)),
        3 => ([number(), number(), number(), number(), number(), number(), number(), number(), number()], small())
            .prop_map(|(wide, offset)| Forgery::Checkpoint(wide, offset)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(file, len)| Forgery::Length(file, len)),
        1 => (any::<Index>(), number()).prop_map(|(file, number)| Forgery::Name(file, number)),
    ]
}

/// A log of three segments, with a checkpoint.
fn log() -> Build {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    build.group(&[Work::Put(5), Work::Ack(0..4), Work::Put(20)]);
    build.begin(1 << 16);
    build.put(10);
    build.checkpoint(Consumed::up_to(4));
    build.put(7);
    build.begin(1 << 16);
    build.put(3);
    build.group(&[Work::Ack(4..9)]);
    build.put(30);
    build
}

fn write(file: &SimFile, at: u64, bytes: &[u8]) {
    file.write_at(at, &mut [IoSlice::new(bytes)]).unwrap();
}

fn forge(build: &mut Build, forgery: &Forgery) {
    let segment = |at: &Index| at.index(3) as u64 + 1;
    match forgery {
        Forgery::Bytes(file, at, bytes) => {
            let disk = if file.index(4) == 3 { &*build.checkpoints[0] } else { &build.disk };
            let names = disk.list().unwrap();
            let file = disk.open(&names[file.index(names.len())]).unwrap();
            write(&file, at.index(file.len().unwrap() as usize + 1) as u64, bytes);
        }
        Forgery::Record(at, is_put, [sequence, ordinal, segment, time_ms], narrow) => {
            let [events, base, payload_len, offset, bytes] = *narrow;
            let written = &build.records[at.index(build.records.len())];
            let (at, old) = (written.at, written.header);
            // Of some, the payload is as it was.
            let keeps = payload_len < 3;
            let header = RecordHeader {
                kind: if *is_put { Kind::Put } else { Kind::Ack },
                payload_len: if keeps { old.payload_len } else { payload_len },
                sequence: *sequence,
                ordinal: *ordinal,
                events: if keeps { old.events } else { events },
                bytes: if keeps { old.bytes } else { bytes },
                base,
                time_ms: *time_ms,
                durable: Position { segment: *segment, offset },
                ..old
            };
            write(&build.open(at.segment), at.offset.into(), &header.encode(LOG_ID, at));
        }
        Forgery::Header(at, wide, [length, directories, end]) => {
            let [first_ordinal, first_sequence, number, next_ordinal, nonce, begun_ms] = *wide;
            let at = segment(at);
            let header = SegmentHeader {
                number: if number > 200 { number } else { at },
                nonce: if nonce > 200 { nonce } else { at * 1000 },
                first_ordinal,
                first_sequence,
                begun_ms,
                length: *length,
                directories: *directories,
                endings: vec![Ending { number, end: *end, next_ordinal }],
                ..build.segment.clone()
            };
            write(&build.open(at), 0, &header.encode());
        }
        Forgery::Checkpoint(
            [generation, number, nonce, next_ordinal, next_sequence, lowest, watermark, first, end],
            offset,
        ) => {
            let mut consumed = Consumed::up_to(*watermark);
            consumed.insert(*first, *end);
            build.write_checkpoint(&Checkpoint {
                log_id: LOG_ID,
                generation: *generation,
                position: Position { segment: *number, offset: *offset },
                nonce: if *nonce > 200 { *nonce } else { number.wrapping_mul(1000) },
                next_ordinal: *next_ordinal,
                next_sequence: *next_sequence,
                lowest_segment: *lowest,
                consumed,
            });
        }
        Forgery::Length(at, len) => build.damage(segment(at), |bytes| bytes.resize(len.index(1 << 17), 0)),
        Forgery::Name(at, to) => build.disk.rename(&segment_name(segment(at)), &segment_name(*to)).unwrap_or(()),
    }
}

/// Copies the files of a directory to where a rig looks for them.
fn copy(from: &SimDisk, to: &SimDisk) {
    for name in from.list().unwrap() {
        let file = from.open(&name).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        let copy = to.create(&name).unwrap();
        write(&copy, 0, &bytes);
        copy.sync().unwrap();
    }
    to.sync_names().unwrap();
}

/// The events that are there, if the directory is accepted; one more is put.
fn open(world: &World, id: u64) -> Option<Vec<u64>> {
    let settings = Settings { segment_len: 64 << 10, ..Settings::default() };
    let opened = with_rig(world, settings, |rig| {
        let all = rig.drain();
        rig.put(&[id]).unwrap();
        all
    });
    opened.ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000 * effort(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_a_directory_it_is_judged(forgeries in vec(forgery(), 1..6)) {
        let mut build = log();
        for one in &forgeries {
            // What was renamed away is left alone.
            let there = (1..4).all(|number| build.disk.open(&segment_name(number)).is_ok());
            if there {
                forge(&mut build, one);
            }
        }
        let world = World::new(0);
        copy(&build.disk, &world.directory("data0"));
        copy(&build.checkpoints[0], &world.directory("checkpoint"));
        // What is accepted once is accepted again, with what was put meanwhile.
        if open(&world, 1 << 50).is_some() {
            let last = open(&world, 1 << 51).and_then(|all| all.last().copied());
            // Where a segment was given a number that is used again, nobody can tell its records from new ones.
            let renamed = forgeries.iter().any(|it| matches!(it, Forgery::Name(..)));
            prop_assert!(last == Some(1 << 50) || renamed, "{:?}", last);
        }
    }
}
