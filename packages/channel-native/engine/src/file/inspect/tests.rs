//! What is told of a directory, healthy or not.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::{
        Consumed, Position,
        build::{Build, LOG_ID, Work, body},
        layout::{Kind, RECORDS_AT, RecordHeader, checksum, damaged_name, segment_name},
        sim::{Call, Fault, SimDisk},
    },
    *,
};
use crate::batch::{Entry, Run};

fn lanes(build: &Build) -> Vec<Lane<SimDisk>> {
    look(&[Arc::new(build.disk.clone())], &build.checkpoints).unwrap()
}

/// Three segments with puts of 10 and 20 events; 5 to 14 were taken. A checkpoint speaks of all but the last put.
fn log() -> Build {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    build.put(20);
    build.begin(1 << 16);
    build.group(&[Work::Put(10), Work::Ack(5..15), Work::Put(20)]);
    build.begin(1 << 16);
    build.put(10);
    let mut consumed = Consumed::up_to(0);
    consumed.insert(5, 15);
    build.checkpoint(consumed);
    build.put(20);
    build
}

/// Everything that comparing every record finds, and the figures of all segments together.
pub(in super::super) fn verified(lanes: Vec<Lane<SimDisk>>) -> Verified {
    let mut verify = Verify::new(lanes);
    let mut all = Verified::default();
    while let Some(segment) = verify.next_segment() {
        all.bytes += segment.bytes;
        all.records += segment.records;
        all.events += segment.events;
        all.queued += segment.queued;
        all.queued_bytes += segment.queued_bytes;
        all.unread |= segment.unread;
        all.findings.extend(segment.findings);
        all.holes.extend(segment.holes);
    }
    all
}

/// The events in the order in which they come.
pub(in super::super) fn dumped(lanes: Vec<Lane<SimDisk>>, all: bool) -> Vec<String> {
    let mut dump = Dump::new(lanes, all);
    let mut names = Vec::new();
    while let Some(block) = dump.next_block().unwrap() {
        let table = block.memory.len() - 8 * block.events as usize;
        assert_eq!(block.memory.len() % 8, 0, "tables are aligned");
        let entries: Vec<Entry> = block.memory[table..].chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
        let run = Run::new(&block.memory[..block.bytes as usize], &entries, 0).unwrap();
        names.extend(run.iter().map(|event| name(event.body)));
    }
    names
}

/// What tells a body from others, in short.
fn name(body: &[u8]) -> String {
    let words: Vec<_> = str::from_utf8(body).unwrap().split_whitespace().collect();
    format!("{} × {}", words.get(1).unwrap_or(&""), words.len() / 2)
}

/// What [`dumped`] should say.
pub(in super::super) fn names(ordinals: impl IntoIterator<Item = u64>) -> Vec<String> {
    ordinals.into_iter().map(|ordinal| name(&body(ordinal))).collect()
}

fn findings(verified: &Verified) -> Vec<String> {
    verified.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_is_found_in_a_log_that_is_as_it_should_be() {
    let build = log();
    let verified = verified(lanes(&build));
    assert_eq!(findings(&verified), [""; 0]);
    assert_eq!((verified.records, verified.events, verified.queued), (7, 90, 80));
    let bytes: usize = (0..5).chain(15..90).map(|ordinal| body(ordinal).len() + 2).sum();
    // Bodies from 64 bytes on have a longer length.
    assert!(verified.queued_bytes as usize >= bytes);
    assert_eq!(verified.bytes, lanes(&build)[0].recovered.segments.iter().map(|it| u64::from(it.end)).sum::<u64>());
    assert_eq!(findings(&super::tests::verified(lanes(&Build::new()))), [""; 0]);
}

#[test]
fn what_is_queued_comes_in_order_and_all_that_is_there_on_request() {
    let build = log();
    assert_eq!(dumped(lanes(&build), false), names((0..5).chain(15..90)));
    assert_eq!(dumped(lanes(&build), true), names(0..90));
}

#[test]
fn several_directories_are_merged_in_the_order_of_their_puts() {
    let (mut one, mut two) = (Build::begun(1 << 16), Build::begun(1 << 16));
    let mut expected = Vec::new();
    for sequence in 0..8 {
        let build = if sequence % 3 == 0 { &mut one } else { &mut two };
        build.next_sequence = sequence;
        expected.extend(names(build.next_ordinal..build.next_ordinal + 3));
        build.put(3);
    }
    let data = [Arc::new(one.disk.clone()), Arc::new(two.disk.clone())];
    assert_eq!(dumped(look(&data, &[]).unwrap(), false), expected);
}

#[test]
fn blocks_stay_near_a_megabyte() {
    let mut build = Build::begun(8 << 20);
    for _ in 0..60 {
        build.put(300);
    }
    let mut dump = Dump::new(lanes(&build), false);
    let mut events = 0;
    while let Some(block) = dump.next_block().unwrap() {
        assert!(block.bytes <= 1 << 20, "{} bytes", block.bytes);
        events += block.events;
    }
    assert_eq!(events, 18_000);
}

#[test]
fn a_directory_of_several_is_said_to_be_one_of_several() {
    let mut build = Build::new();
    build.segment.directories = 3;
    build.begin(1 << 16);
    let found = findings(&verified(lanes(&build)));
    assert_eq!(found, ["/data: the channel has 3 data directories: what is in those that were not named is not told"]);
}

#[test]
fn the_figures_of_a_directory_are_those_of_its_records() {
    let build = log();
    build.disk.create(&damaged_name(0)).unwrap();
    let status = lanes(&build).remove(0).status().unwrap();
    assert_eq!((status.queued, status.oldest_ms), (80, Some(1_800_000_000_000)));
    let segments: Vec<_> = status.segments.iter().map(|it| (it.number, it.events, it.queued, it.damaged)).collect();
    assert_eq!(segments, [(1, 30, 20, false), (2, 30, 30, false), (3, 30, 30, false)]);
    assert_eq!(status.others, [(damaged_name(0), 0)]);
    assert_eq!(status.disk_bytes, 3 << 16);
    assert_eq!(status.checkpoint.segment, 3);
    let last = build.records.last().unwrap();
    assert_eq!(status.unread_bytes, u64::from(last.end - last.at.offset));
    let used: u64 = status.segments.iter().map(|it| u64::from(it.end - RECORDS_AT)).sum();
    assert!(status.queued_bytes < used && status.queued_bytes > used / 2);
    assert!(!status.synced_in_intervals && status.findings.is_empty());
}

#[test]
fn the_oldest_event_is_the_first_that_is_still_queued() {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    build.group(&[Work::Ack(0..10), Work::Put(5)]);
    assert_eq!(lanes(&build).remove(0).status().unwrap().oldest_ms, Some(1_800_000_000_001));
    build.group(&[Work::Ack(10..15)]);
    assert_eq!(lanes(&build).remove(0).status().unwrap().oldest_ms, None);
}

#[test]
fn every_changed_byte_of_a_header_or_a_record_is_found_at_its_place() {
    let healthy = log();
    let mut places: BTreeSet<(u64, u32, u32)> = BTreeSet::new();
    for number in 1..=3 {
        places.extend([(number, 0, 9), (number, 0, 80), (number, 4096, 5000)]);
    }
    for record in &healthy.records[..6] {
        let Position { segment, offset } = record.at;
        let payload = offset + 64 + record.header.payload_len - 1;
        places.extend([0, 5, 20, 63].map(|at| (segment, offset, offset + at)));
        places.extend([(segment, offset, offset + 64), (segment, offset, payload)]);
    }
    for (number, from, at) in places {
        let build = log();
        build.flip(number, at);
        let verified = verified(lanes(&build));
        let path = format!("/data/{}", segment_name(number));
        let found = verified.findings.iter().any(|finding| finding.file == path && finding.offset == Some(from));
        assert!(found, "byte {at} of {number}: {:?}", findings(&verified));
        assert_eq!(verified.findings.len(), 1, "byte {at} of {number}: {:?}", findings(&verified));
    }
}

#[test]
fn lost_are_the_events_that_were_queued() {
    for (record, lost) in [(0, 5), (1, 15), (2, 10), (3, 0), (4, 20), (5, 10)] {
        let build = log();
        build.flip(build.records[record].at.segment, build.records[record].at.offset + 70);
        let verified = verified(lanes(&build));
        assert_eq!(verified.findings.iter().map(|it| it.events_lost).sum::<u64>(), lost, "record {record}");
        assert_eq!(verified.holes.iter().map(|it| it.lost).sum::<u64>(), lost, "record {record}");
        let queued = dumped(lanes(&build), false).len() as u64;
        assert_eq!(queued, 80 - lost);
    }
}

#[test]
fn what_opening_finds_is_told_once() {
    let mut build = log();
    build.put(5);
    let behind_the_checkpoint = build.records[6].at.offset;
    build.flip(3, behind_the_checkpoint + 70);
    let verified = verified(lanes(&build));
    let found = findings(&verified);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("; 20 events are lost"), "{found:?}");
    assert_eq!((verified.holes.len(), verified.holes[0].lost), (1, 20));
}

#[test]
fn events_are_there_behind_damage_and_it_is_told() {
    let build = log();
    build.flip(1, build.records[0].at.offset + 3);
    let mut dump = Dump::new(lanes(&build), false);
    while dump.next_block().unwrap().is_some() {}
    let findings: Vec<_> = dump.findings().map(ToString::to_string).collect();
    let expected = format!("/data/{}, byte 8192: bytes 8192 to", segment_name(1));
    assert!(findings[0].starts_with(&expected), "{findings:?}");
    assert_eq!(dumped(lanes(&build), false), names((15..90).collect::<Vec<_>>()));
}

#[test]
fn events_that_are_missing_between_two_records_are_told() {
    let mut build = Build::begun(1 << 16);
    build.put(3);
    build.next_ordinal += 4;
    build.put(3);
    build.checkpoint(Consumed::default());
    let found = findings(&verified(lanes(&build)));
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("the events before this place are not there; 4 events are lost"), "{found:?}");
}

#[test]
fn an_acknowledgement_of_what_never_was_is_told() {
    let mut build = Build::begun(1 << 16);
    build.put(3);
    build.group(&[Work::Ack(2..9)]);
    let found = findings(&verified(lanes(&build)));
    assert!(found[0].ends_with("the acknowledgement names events that there never were"), "{found:?}");
}

/// A log of one put, whose events and table are these.
fn log_of(events: &[u8], table: &[Entry]) -> Build {
    let build = Build::begun(1 << 16);
    let zeros = vec![0; events.len().next_multiple_of(8) - events.len()];
    let payload = [events, &zeros, bytemuck::cast_slice(table)].concat();
    let header = RecordHeader {
        kind: Kind::Put,
        last: true,
        payload_len: payload.len() as u32,
        payload_crc: checksum(&payload),
        sequence: 0,
        ordinal: 0,
        events: table.len() as u32,
        base: 0,
        time_ms: 0,
        durable: Position::default(),
        bytes: events.len() as u32,
    };
    let at = Position { segment: 1, offset: RECORDS_AT };
    build.write(at.offset, &[header.encode(LOG_ID, at).as_slice(), &payload].concat());
    build
}

#[test]
fn events_that_are_not_encoded_as_they_should_be_are_told_though_the_checksum_is_right() {
    let well = log_of(b"\x00\x06one", &[Entry { start: 0, body: 2 }]);
    assert_eq!(findings(&verified(lanes(&well))), [""; 0]);
    let long_winded = log_of(b"\x00\x86\x00one", &[Entry { start: 0, body: 3 }]);
    let found = verified(lanes(&long_winded));
    assert!(findings(&found)[0].ends_with("not every event is encoded as it should be"), "{:?}", findings(&found));
    let without_table = log_of(b"\x00\x06one", &[Entry { start: 7, body: 9 }]);
    let found = verified(lanes(&without_table));
    assert!(findings(&found)[0].ends_with("; 1 event is lost"), "{:?}", findings(&found));
    assert_eq!((found.holes.len(), found.events), (1, 0));
}

#[test]
fn what_the_disk_does_not_read_is_told_and_the_rest_is_compared() {
    let build = log();
    let lanes = lanes(&build);
    build.world.fail(Call::Read, 2, Fault::Io);
    let verified = verified(lanes);
    assert!(verified.unread);
    assert_eq!(verified.records, 5);
    assert!(findings(&verified)[0].contains("what stands behind was not compared"), "{:?}", findings(&verified));
}
