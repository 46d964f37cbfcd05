//! What becomes of a directory that is not as its writer left it.
// long: one promise a test, all over the same small log.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::IoSlice,
};

use super::{
    super::{
        StorageFile,
        build::{Build, LOG_ID, Work, events},
        checkpoint::Checkpoint,
        layout::{RECORDS_AT, SegmentHeader, checkpoint_name, segment_name},
        sim::{Call, Fault as DiskFault, SimFile},
    },
    *,
};
use crate::{Error, error::Fault};

pub(super) fn recovered(build: &Build) -> Result<Recovered<SimFile>> {
    recover(&build.disk, &build.checkpoints)
}

/// The ordinals that are queued.
pub(super) fn queued(recovered: &Recovered<SimFile>) -> Vec<u64> {
    recovered.consumed.unconsumed_in(0, recovered.next_ordinal).flatten().collect()
}

/// How many events are lost, by all findings.
pub(super) fn lost(recovered: &Recovered<SimFile>) -> u64 {
    recovered.findings.iter().map(|finding| finding.events_lost).sum()
}

/// The ordinals that can be read, consumed or not.
pub(super) fn readable(recovered: &Recovered<SimFile>) -> BTreeSet<u64> {
    let all = recovered.segments.iter().map(|segment| events(&*segment.file, segment.number, segment.end));
    all.fold(BTreeMap::new(), |mut all, more| {
        all.extend(more);
        all
    })
    .into_keys()
    .collect()
}

/// Three segments with puts of 10 and 20 events; 10 to 14 were taken. The last segment has three groups.
fn log() -> Build {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    build.put(20);
    build.begin(1 << 16);
    build.group(&[Work::Put(10), Work::Ack(10..15), Work::Put(20)]);
    build.begin(1 << 16);
    build.put(10);
    build.put(20);
    build.put(10);
    build
}

fn after_taking() -> Vec<u64> {
    (0..10).chain(15..100).collect()
}

fn path(number: u64) -> String {
    format!("/data/{}", segment_name(number))
}

fn fault(result: Result<Recovered<SimFile>>) -> (Fault, String) {
    match result {
        Err(Error::File { fault, path, what }) => (fault, format!("{path}: {what}")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_directory_has_no_log() {
    let found = recovered(&Build::new()).unwrap();
    assert_eq!((found.log_id, found.segments.len(), found.next_number, found.next_ordinal), (None, 0, 1, 0));
    assert_eq!(found.findings, []);
}

#[test]
fn what_was_put_and_not_taken_is_queued() {
    let build = log();
    let found = recovered(&build).unwrap();
    assert_eq!(queued(&found), after_taking());
    assert_eq!(readable(&found), (0..100).collect());
    assert_eq!((found.log_id, found.directories, found.next_number), (Some(LOG_ID), 1, 4));
    assert_eq!((found.next_ordinal, found.next_sequence), (100, 7));
    let segments: Vec<_> =
        found.segments.iter().map(|it| (it.number, it.nonce, it.first_ordinal, it.next_ordinal)).collect();
    assert_eq!(segments, [(1, 1000, 0, 30), (2, 2000, 30, 60), (3, 3000, 60, 100)]);
    assert_eq!(found.segments.back().unwrap().end, build.at);
    assert!(found.segments.iter().all(|segment| !segment.damaged && segment.length == 1 << 16));
    assert_eq!(found.findings, []);
}

#[test]
fn only_what_is_behind_the_checkpoint_is_read() {
    let mut build = log();
    let checkpoint = build.checkpoint(Consumed::up_to(25));
    build.put(10);
    build.group(&[Work::Ack(25..26)]);
    // Nobody looks there.
    build.flip(1, RECORDS_AT);
    build.flip(3, RECORDS_AT);
    let found = recovered(&build).unwrap();
    assert_eq!(queued(&found), (26..110).collect::<Vec<_>>());
    assert_eq!((found.position, found.generation), (checkpoint.position, 1));
    assert_eq!(found.segments[0].next_ordinal, 30);
    assert_eq!(found.segments[0].end, build.endings[1].end);
    assert_eq!(found.findings, []);
}

#[test]
fn a_torn_end_is_cut_and_costs_nothing_else() {
    let mut build = log();
    let torn = build.put(10).at.offset;
    build.flip(3, torn + 100);
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), found.next_ordinal), (after_taking(), 100));
    assert_eq!(found.segments[2].end, torn);
    assert_eq!(found.findings, []);
}

#[test]
fn damage_is_told_with_its_place_and_what_it_costs() {
    let build = log();
    let [first, second] = [&build.records[0], &build.records[6]].map(|record| record.at);
    build.flip(1, first.offset + 10);
    build.flip(3, second.offset + 100);
    let found = recovered(&build).unwrap();
    let told: Vec<_> = found.findings.iter().map(ToString::to_string).collect();
    let expected = [
        format!(
            "{}, byte 8192: no record can be read from here to byte {}; 10 events are lost",
            path(1),
            build.records[1].at.offset
        ),
        format!("{}, byte {}: the record here is damaged; 20 events are lost", path(3), second.offset),
    ];
    assert_eq!(told, expected);
    assert_eq!(queued(&found), (15..70).chain(90..100).collect::<Vec<_>>());
    assert_eq!((lost(&found), found.next_ordinal), (30, 100));
    assert!(found.segments[0].damaged && !found.segments[1].damaged && found.segments[2].damaged);
}

#[test]
fn what_was_taken_is_not_lost_with_its_record() {
    let mut build = log();
    build.group(&[Work::Ack(0..9)]);
    build.flip(1, RECORDS_AT);
    let found = recovered(&build).unwrap();
    assert_eq!((lost(&found), found.findings[0].events_lost), (1, 1));
}

#[test]
fn damage_before_the_end_of_a_segment_is_told_though_nothing_follows_it_there() {
    let build = log();
    build.flip(1, build.records[1].at.offset);
    let found = recovered(&build).unwrap();
    assert_eq!((lost(&found), found.findings[0].events_lost, found.findings.len()), (15, 15, 1));
    assert_eq!(queued(&found), (0..10).chain(30..100).collect::<Vec<_>>());
}

#[test]
fn events_that_were_refused_are_void_and_their_numbers_are_not_lost() {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    let durable = build.at;
    build.put(5);
    // The sync after it failed.
    build.at = durable;
    build.begin(1 << 16);
    build.put(10);
    let found = recovered(&build).unwrap();
    assert_eq!(queued(&found), (0..10).chain(15..25).collect::<Vec<_>>());
    assert_eq!(readable(&found), (0..10).chain(15..25).collect());
    assert_eq!(found.findings, []);
}

#[test]
fn a_segment_that_is_gone_is_missed() {
    let build = log();
    build.disk.remove(&segment_name(2)).unwrap();
    let found = recovered(&build).unwrap();
    assert_eq!(queued(&found), (0..30).chain(60..100).collect::<Vec<_>>());
    let expected = format!("{}: the events before this segment are not there; 30 events are lost", path(3));
    assert_eq!(found.findings[0].to_string(), expected);
    assert_eq!((lost(&found), found.next_number), (30, 4));
}

#[test]
fn the_first_segment_is_missed_if_a_checkpoint_knows_of_it() {
    let mut build = log();
    build.disk.remove(&segment_name(1)).unwrap();
    assert_eq!(recovered(&build).unwrap().findings, [], "it may have been freed");
    build.checkpoint(Consumed::up_to(12));
    let found = recovered(&build).unwrap();
    assert_eq!((lost(&found), queued(&found)), (18, (30..100).collect::<Vec<_>>()));
}

#[test]
fn one_copy_of_a_header_is_enough() {
    let build = log();
    build.damage(2, |bytes| bytes[..4096].fill(0xff));
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), found.findings), (after_taking(), vec![]));
}

#[test]
fn a_segment_without_a_header_is_told_and_read() {
    for number in 1..=3 {
        let mut build = log();
        build.damage(number, |bytes| bytes[..8192].fill(0));
        let found = recovered(&build).unwrap();
        assert_eq!(queued(&found), after_taking(), "segment {number}");
        assert_eq!((found.findings.len(), found.findings[0].offset, lost(&found)), (1, Some(0), 0));
        assert!(found.segments[number as usize - 1].damaged);
        // Its nonce is not known, so that a checkpoint does not help.
        build.checkpoint(Consumed::up_to(100));
        assert_eq!(queued(&recovered(&build).unwrap()).is_empty(), number != 3);
    }
}

#[test]
fn what_is_lost_together_with_a_header_is_counted() {
    let build = log();
    build.damage(2, |bytes| bytes[..9000].fill(0));
    let found = recovered(&build).unwrap();
    assert_eq!((lost(&found), queued(&found)), (10, (0..10).chain(15..30).chain(40..100).collect::<Vec<_>>()));
}

#[test]
fn each_damaged_record_has_its_own_cost() {
    let build = log();
    for record in &build.records[5..7] {
        build.flip(3, record.at.offset + 100);
    }
    let costs: Vec<_> = recovered(&build).unwrap().findings.iter().map(|finding| finding.events_lost).collect();
    assert_eq!(costs, [10, 20]);
}

#[test]
fn a_directory_without_any_header_is_refused_unless_there_are_only_zeros() {
    let build = Build::begun(1 << 16);
    build.damage(1, |bytes| bytes[..8192].fill(7));
    let found = recovered(&build).unwrap();
    assert_eq!((found.log_id, found.unbegun, found.next_number), (None, vec![(1, 1 << 16)], 2));
    build.flip(1, 20_000);
    assert_eq!(fault(recovered(&build)).0, Fault::Damaged);
}

#[test]
fn a_segment_that_was_not_begun_is_none() {
    let build = log();
    let make = |number: u64, bytes: &[u8]| {
        let file = build.disk.create(&segment_name(number)).unwrap();
        file.write_at(0, &mut [IoSlice::new(bytes)]).unwrap();
    };
    // One full of zeros, one that was another segment before, and one of which a header is half written.
    let mut used = vec![0; 1 << 16];
    build.open(1).read_at(0, &mut used).unwrap();
    make(4, &[0; 9000]);
    make(5, &used);
    let header = SegmentHeader { number: 6, ..build.segment.clone() }.encode();
    make(6, &header[..4000]);
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), found.findings.len(), found.segments.len()), (after_taking(), 0, 3));
    assert_eq!((found.unbegun, found.next_number), (vec![(4, 9000), (5, 1 << 16), (6, 4000)], 7));
}

#[test]
fn segments_that_are_not_needed_are_free() {
    let mut build = log();
    let checkpoint = build.checkpoint(Consumed::up_to(60));
    build.write_checkpoint(&Checkpoint { lowest_segment: 3, generation: 2, ..checkpoint });
    let found = recovered(&build).unwrap();
    assert_eq!((found.unbegun, found.segments.len()), (vec![(1, 1 << 16), (2, 1 << 16)], 1));
    assert_eq!((found.findings, found.generation), (vec![], 2));
}

#[test]
fn a_segment_that_a_later_one_does_not_name_is_free() {
    let mut build = log();
    build.endings.retain(|ending| ending.number == 3);
    build.begin(1 << 16);
    build.disk.remove(&segment_name(2)).unwrap();
    let found = recovered(&build).unwrap();
    assert_eq!((&found.unbegun, found.segments.len()), (&vec![(1, 1 << 16)], 2));
    assert_eq!((queued(&found), found.findings), ((60..100).collect::<Vec<_>>(), vec![]));
}

#[test]
fn files_of_others_are_refused() {
    let build = log();
    build.disk.create("log-3.meta").unwrap();
    assert_eq!(fault(recovered(&build)).0, Fault::Foreign);
    build.disk.remove("log-3.meta").unwrap();

    let foreign = SegmentHeader { log_id: 5, number: 4, ..build.segment.clone() }.encode();
    let file = build.disk.create(&segment_name(4)).unwrap();
    file.write_at(0, &mut [IoSlice::new(&foreign)]).unwrap();
    let (fault_found, what) = fault(recovered(&build));
    assert_eq!(fault_found, Fault::Foreign);
    assert!(what.contains("/data/0000000000000004.segment: belongs to log 0000000000000005"), "{what}");
    build.disk.remove(&segment_name(4)).unwrap();

    build.disk.rename(&segment_name(3), &segment_name(1)).unwrap();
    let (fault_found, what) = fault(recovered(&build));
    assert_eq!(fault_found, Fault::Foreign);
    assert!(what.contains("was 0000000000000003.segment once"), "{what}");
}

#[test]
fn a_second_name_that_a_rename_has_left_to_a_segment_is_of_no_use() {
    let build = log();
    let mut bytes = vec![0; 1 << 16];
    build.open(3).read_at(0, &mut bytes).unwrap();
    let old = build.disk.create("0000000000000000.segment").unwrap();
    old.write_at(0, &mut [IoSlice::new(&bytes)]).unwrap();
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), found.findings), (after_taking(), vec![]));
    assert_eq!(found.leftovers, ["0000000000000000.segment"]);
    // It is refused where the segment itself is another one.
    build.damage(3, |bytes| bytes[..8192].fill(0));
    assert_eq!(fault(recovered(&build)).0, Fault::Foreign);
}

#[test]
fn a_later_version_is_refused() {
    let build = log();
    build.damage(3, |bytes| {
        bytes[8..16].copy_from_slice(&2_u64.to_le_bytes());
        let sum = crate::file::layout::checksum(&bytes[..4096]);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    });
    assert_eq!(fault(recovered(&build)).0, Fault::Version);
}

#[test]
fn a_directory_of_two_histories_is_refused() {
    let mut build = log();
    build.next_ordinal = 90;
    build.endings.clear();
    build.begin(1 << 16);
    let (fault_found, what) = fault(recovered(&build));
    assert_eq!(fault_found, Fault::Damaged);
    assert!(what.contains("begins with event 90, though 100 were before it"), "{what}");
}

#[test]
fn a_checkpoint_of_segments_that_are_not_there_is_ignored_and_told() {
    let mut build = log();
    let checkpoint = build.checkpoint(Consumed::up_to(30));
    let other = Checkpoint { generation: 2, nonce: 1, next_ordinal: 120, consumed: Consumed::up_to(105), ..checkpoint };
    build.write_checkpoint(&other);
    let found = recovered(&build).unwrap();
    // The older one serves, and no number is used again.
    assert_eq!(queued(&found), (30..100).collect::<Vec<_>>());
    assert_eq!((found.next_ordinal, found.position), (120, checkpoint.position));
    assert_eq!(found.generation, 3, "the next one goes where the ignored one is");
    assert_eq!((found.findings.len(), lost(&found)), (1, 15));
    assert!(found.findings[0].file.ends_with(".checkpoint"));

    build.write_checkpoint(&Checkpoint { generation: 3, ..other });
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), found.next_ordinal, lost(&found)), (after_taking(), 120, 15));
    assert_eq!(found.position, Position::default());
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_told_unless_there_is_another() {
    let mut build = log();
    build.checkpoints.push(Arc::new(build.world.directory("/backup")));
    build.checkpoint(Consumed::up_to(30));
    let name = checkpoint_name(LOG_ID);
    build.checkpoints[0].damage(&name, |bytes| bytes[65_536 + 20] ^= 1).unwrap();
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), lost(&found), found.findings.len()), ((30..100).collect::<Vec<_>>(), 0, 1));
    build.checkpoints[1].damage(&name, |bytes| bytes[65_536 + 20] ^= 1).unwrap();
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), lost(&found), found.findings.len()), (after_taking(), 0, 2));
}

#[test]
fn what_was_taken_and_then_lost_keeps_its_number() {
    // Puts are answered before they are synced; the disk loses the last ones.
    let mut build = log();
    let mut consumed = Consumed::up_to(100);
    consumed.insert(102, 105);
    build.checkpoint(consumed);
    let found = recovered(&build).unwrap();
    assert_eq!((queued(&found), found.next_ordinal, lost(&found)), (vec![], 105, 2));
}

#[test]
fn events_that_were_never_put_cannot_be_taken() {
    let mut build = log();
    build.group(&[Work::Ack(95..5000)]);
    let found = recovered(&build).unwrap();
    assert_eq!((found.next_ordinal, found.consumed.is_consumed(100)), (100, false));
}

#[test]
fn what_cannot_be_read_now_is_not_judged() {
    let build = log();
    let reads = (1..).take_while(|&nth| {
        build.world.fail(Call::Read, nth, DiskFault::Io);
        let failed = recovered(&build).is_err_and(|error| error.code() == "MR_DISK");
        build.world.mend();
        failed
    });
    assert_eq!(reads.count(), 6, "a header and records of each segment");
    assert_eq!(queued(&recovered(&build).unwrap()), after_taking());
}

#[test]
fn names_that_were_used_are_not_used_again() {
    let build = log();
    build.disk.create("00000000000000ff.damaged").unwrap();
    build.disk.create("filling").unwrap();
    build.disk.create("notes.txt").unwrap();
    let found = recovered(&build).unwrap();
    assert_eq!((found.next_number, found.leftovers), (256, vec!["filling".to_owned()]));
}
