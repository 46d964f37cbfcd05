//! Every test damages a log, mends it, and compares what is queued then with what was put.

use std::{collections::BTreeSet, io::IoSlice, sync::Arc};

use super::{
    super::{
        Consumed, Storage, StorageFile,
        build::{Build, LOG_ID, Work},
        inspect::{
            look,
            tests::{self as inspected, names},
        },
        layout::{PAGE, RECORDS_AT, checkpoint_name, checksum, damaged_name, segment_name},
        recovery::recover,
        sim::{Grain, Growth, Kept, LossPattern, SimDisk, World},
    },
    *,
};

/// Three segments with puts of 10 and 20 events, the last of 60; 5 to 14 were taken.
pub(super) fn log() -> Build {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    build.put(20);
    build.begin(1 << 16);
    build.group(&[Work::Put(10), Work::Ack(5..15), Work::Put(20)]);
    build.begin(1 << 16);
    build.put(10);
    build.put(60);
    build
}

/// As [`log`], with a checkpoint of all of it, as closing leaves it.
pub(super) fn closed() -> Build {
    let mut build = log();
    let mut consumed = Consumed::up_to(0);
    consumed.insert(5, 15);
    build.checkpoint(consumed);
    build
}

fn queued_at_first() -> BTreeSet<u64> {
    (0..5).chain(15..130).collect()
}

pub(super) fn data(world: &World) -> Arc<SimDisk> {
    Arc::new(world.directory("/data"))
}

pub(super) fn checkpoints(world: &World) -> Vec<Arc<SimDisk>> {
    vec![Arc::new(world.directory("/checkpoint"))]
}

/// Mends a directory, and says what was done.
pub(super) fn mend(world: &World) -> Result<Vec<String>> {
    let mut repair = Repair::plan(vec![data(world)], checkpoints(world))?;
    let mut done = Vec::new();
    loop {
        done.extend(repair.steps().map(ToString::to_string));
        let is_last = repair.is_last();
        repair.apply()?;
        if is_last {
            return Ok(done);
        }
    }
}

/// What can be read of what is queued.
pub(super) fn queued(world: &World) -> Vec<String> {
    inspected::dumped(look(&[data(world)], &checkpoints(world)).unwrap(), false)
}

pub(super) fn names_without(lost: impl IntoIterator<Item = u64>) -> Vec<String> {
    let lost: BTreeSet<u64> = lost.into_iter().collect();
    names(queued_at_first().difference(&lost).copied().collect::<Vec<_>>())
}

/// Neither opening nor comparing every byte finds anything, with the checkpoint and without it.
pub(super) fn assert_well(world: &World) {
    assert_settled(world);
    assert_silent(world, &[]);
}

/// The same with the checkpoint, which knows of segments that are missing.
pub(super) fn assert_settled(world: &World) {
    assert_silent(world, &checkpoints(world));
    assert_eq!(mend(world).unwrap(), [""; 0]);
}

fn assert_silent(world: &World, checkpoints: &[Arc<SimDisk>]) {
    let verified = inspected::verified(look(&[data(world)], checkpoints).unwrap());
    assert_eq!(verified.findings, [], "{}", verified.findings[0]);
    assert_eq!(recover(&*data(world), checkpoints).unwrap().findings, []);
}

fn bytes_of(disk: &SimDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

pub(super) const fn torn(kept: Kept) -> LossPattern {
    LossPattern::Power { grain: Grain::Sector, bytes: kept, growth: Growth::Garbage, names: kept }
}

fn path(number: u64) -> String {
    format!("/data/{}", segment_name(number))
}

/// Both copies of a header get other bytes at `at`, and a checksum that fits them.
fn forge(build: &Build, number: u64, at: usize, value: &[u8]) {
    build.damage(number, |bytes| {
        for copy in bytes[..RECORDS_AT as usize].chunks_exact_mut(PAGE as usize) {
            copy[12..16].fill(0);
            copy[at..at + value.len()].copy_from_slice(value);
            let sum = checksum(copy);
            copy[12..16].copy_from_slice(&sum.to_le_bytes());
        }
    });
}

#[test]
fn nothing_is_done_to_what_is_well() {
    for build in [log(), closed(), Build::new()] {
        let before = build.world.calls();
        assert_eq!(mend(&build.world).unwrap(), [""; 0]);
        assert_eq!(build.world.calls(), before);
    }
}

#[test]
fn a_damaged_copy_of_a_header_is_written_again_from_the_other() {
    for at in [40, PAGE + 40] {
        let build = closed();
        let before = bytes_of(&build.disk, &segment_name(2));
        build.flip(2, at);
        let damaged = bytes_of(&build.disk, &segment_name(2));
        let done = mend(&build.world).unwrap();
        assert_eq!(done[1], format!("write the header of {} again, from its other copy", path(2)));
        assert_eq!(bytes_of(&build.disk, &segment_name(2)), before);
        assert_eq!(bytes_of(&build.disk, &damaged_name(2)), damaged);
        assert_eq!(queued(&build.world), names_without([]));
        assert_well(&build.world);
    }
}

#[test]
fn a_header_without_copies_is_made_of_what_the_records_and_the_neighbours_say() {
    for number in 1..=3 {
        for build in [log(), closed()] {
            build.damage(number, |bytes| bytes[..RECORDS_AT as usize].fill(0xaa));
            let done = mend(&build.world).unwrap();
            assert!(done[1].ends_with("again, from what its records and its neighbours say"), "{done:?}");
            assert_eq!(done.len(), 2, "the checkpoint fits: {done:?}");
            assert_eq!(queued(&build.world), names_without([]), "{number}");
            assert_well(&build.world);
        }
    }
}

#[test]
fn ordinals_that_were_never_given_to_an_event_are_not_missed_when_a_header_is_made_anew() {
    let mut build = Build::begun(1 << 16);
    build.put(3);
    // Of a group that failed.
    build.next_ordinal += 4;
    build.begin(1 << 16);
    build.put(3);
    build.damage(2, |bytes| bytes[..RECORDS_AT as usize].fill(0));
    let done = mend(&build.world).unwrap();
    assert_eq!(done.len(), 2, "{done:?}");
    assert_well(&build.world);
}

#[test]
fn where_no_header_is_left_the_checkpoint_says_which_log_it_is() {
    let build = closed();
    for number in 1..=3 {
        build.damage(number, |bytes| bytes[..RECORDS_AT as usize].fill(0));
    }
    recover(&build.disk, &build.checkpoints).unwrap_err();
    mend(&build.world).unwrap();
    assert_eq!(queued(&build.world), names_without([]));
    assert_well(&build.world);
}

#[test]
fn where_nothing_says_which_log_it_is_the_segments_are_moved_out_of_the_way() {
    let build = log();
    for number in 1..=3 {
        build.damage(number, |bytes| bytes[..RECORDS_AT as usize].fill(0));
    }
    let done = mend(&build.world).unwrap();
    assert_eq!(done.len(), 3);
    assert!(done[0].contains("no checkpoint says to which channel it belongs"), "{done:?}");
    assert_well(&build.world);
    assert_eq!(recover(&build.disk, &build.checkpoints).unwrap().next_number, 4, "no number is used twice");
}

#[test]
fn a_segment_of_another_log_is_moved_out_of_the_way() {
    let build = closed();
    let file = build.disk.create(&segment_name(9)).unwrap();
    file.write_at(0, &mut [IoSlice::new(&bytes_of(&build.disk, &segment_name(3)))]).unwrap();
    forge(&build, 9, 16, &77_u64.to_le_bytes());
    forge(&build, 9, 24, &9_u64.to_le_bytes());
    recover(&build.disk, &build.checkpoints).unwrap_err();
    let before = bytes_of(&build.disk, &segment_name(9));
    let done = mend(&build.world).unwrap();
    assert!(done[0].contains("belongs to another channel"), "{done:?}");
    assert_eq!(bytes_of(&build.disk, &format!("{}.quarantined", segment_name(9))), before);
    assert_eq!(queued(&build.world), names_without([]));
    assert_well(&build.world);
}

#[test]
fn the_log_of_the_checkpoints_stays_where_others_have_more_segments() {
    let mut build = Build::begun(1 << 16);
    build.put(10);
    build.checkpoint(Consumed::default());
    for number in [8, 9] {
        let file = build.disk.create(&segment_name(number)).unwrap();
        file.write_at(0, &mut [IoSlice::new(&bytes_of(&build.disk, &segment_name(1)))]).unwrap();
        forge(&build, number, 16, &77_u64.to_le_bytes());
        forge(&build, number, 24, &number.to_le_bytes());
    }
    mend(&build.world).unwrap();
    assert_eq!(queued(&build.world), names(0..10));
    assert_well(&build.world);
}

#[test]
fn a_segment_of_a_later_version_is_moved_out_of_the_way_and_its_events_are_told_to_be_missing() {
    let build = closed();
    forge(&build, 2, 8, &2_u32.to_le_bytes());
    recover(&build.disk, &build.checkpoints).unwrap_err();
    let done = mend(&build.world).unwrap();
    assert!(done[0].contains("was written by a later version of Millrace"), "{done:?}");
    assert_eq!(queued(&build.world), names_without(30..60));
    assert_settled(&build.world);
}

#[test]
fn a_segment_under_another_name_gets_its_own() {
    let build = closed();
    build.disk.rename(&segment_name(3), &segment_name(2)).unwrap();
    let done = mend(&build.world).unwrap();
    assert_eq!(done[0], format!("rename {} to {}: it says that this is its name", path(2), segment_name(3)));
    assert_eq!(queued(&build.world), names_without(30..60));
    assert_settled(&build.world);
}

#[test]
fn what_cannot_be_read_is_filled_and_the_rest_stays() {
    for (record, lost) in [(0, 0..10), (1, 10..30), (2, 30..40), (3, 0..0), (4, 40..60), (5, 60..70)] {
        for at in [3, 40, 64, 70] {
            for build in [log(), closed()] {
                let written = build.records[record].clone();
                let number = written.at.segment;
                build.flip(number, written.at.offset + at);
                let damaged = bytes_of(&build.disk, &segment_name(number));
                let done = mend(&build.world).unwrap();
                assert!(done[1].contains("with a record that says so"), "{done:?}");
                assert!(done.last().unwrap().ends_with("no queued event is lost by that"), "{done:?}");
                assert_eq!(bytes_of(&build.disk, &damaged_name(number)), damaged);
                // A lost acknowledgement in the log alone delivers again.
                let again = if record == 3 && build.generation == 0 { 5..15 } else { 0..0 };
                let left = queued_at_first().into_iter().chain(again).filter(|ordinal| !lost.contains(ordinal));
                assert_eq!(queued(&build.world), names(left.collect::<BTreeSet<_>>()), "record {record}, byte {at}");
                assert_well(&build.world);
            }
        }
    }
}

#[test]
fn a_hole_of_many_megabytes_is_filled() {
    let mut build = Build::begun(16 << 20);
    build.put(10);
    for _ in 0..50 {
        build.put(900);
    }
    let (from, to) = (build.records[1].at.offset, build.records[49].at.offset);
    build.put(10);
    build.checkpoint(Consumed::default());
    build.damage(1, |bytes| bytes[from as usize..to as usize].fill(0x55));
    let done = mend(&build.world).unwrap();
    assert!(done[1].ends_with(&format!("; {} events are lost", 48 * 900)), "{done:?}");
    assert_eq!(queued(&build.world).len(), 10 + 2 * 900 + 10);
    assert_well(&build.world);
}

#[test]
fn a_file_that_was_cut_is_filled_to_its_end() {
    let build = closed();
    let second = build.records[1].at.offset;
    build.damage(1, |bytes| bytes.truncate(second as usize + 80));
    mend(&build.world).unwrap();
    assert_eq!(queued(&build.world), names_without(10..30));
    assert_well(&build.world);
}

#[test]
fn a_segment_that_is_missing_is_settled_by_a_checkpoint() {
    let build = closed();
    build.disk.remove(&segment_name(2)).unwrap();
    let done = mend(&build.world).unwrap();
    assert!(done[1].ends_with("; 30 events are lost"), "{done:?}");
    assert_eq!(queued(&build.world), names_without(30..60));
    assert_settled(&build.world);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_moved_out_of_the_way() {
    let spoil: [fn(&Build); 2] = [
        |build| build.checkpoints[0].damage(&checkpoint_name(LOG_ID), |bytes| bytes.fill(0x77)).unwrap(),
        |build| forge(build, 3, 32, &7_u64.to_le_bytes()),
    ];
    for spoil in spoil {
        let build = closed();
        spoil(&build);
        let name = checkpoint_name(LOG_ID);
        let before = bytes_of(&build.checkpoints[0], &name);
        let done = mend(&build.world).unwrap();
        assert!(done[1].contains("says nothing about what is in the data directory"), "{done:?}");
        assert_eq!(bytes_of(&build.checkpoints[0], &format!("{name}.quarantined")), before);
        assert_eq!(queued(&build.world), names_without([]));
        assert_well(&build.world);
    }
}

#[test]
fn without_a_directory_for_checkpoints_holes_are_filled_all_the_same() {
    let build = log();
    build.flip(1, build.records[0].at.offset + 70);
    let mut repair = Repair::plan(vec![data(&build.world)], Vec::new()).unwrap();
    repair.apply().unwrap();
    assert_eq!(queued(&build.world), names_without(0..10));
    assert_well(&build.world);
}

#[test]
fn what_a_checkpoint_speaks_of_is_on_the_disk_before_it() {
    let build = log();
    let last = build.records.last().unwrap().clone();
    let place = last.at.offset as usize..last.end as usize;
    let bytes = bytes_of(&build.disk, &segment_name(3))[place.clone()].to_vec();
    build.damage(3, |all| all[place].fill(0));
    // As the end of a process leaves it: the system has it, and the disk does not yet.
    build.open(3).write_at(last.at.offset.into(), &mut [IoSlice::new(&bytes)]).unwrap();
    build.flip(1, build.records[0].at.offset + 70);
    mend(&build.world).unwrap();
    let world = build.world.after_crash(torn(Kept::Nothing));
    assert_eq!(queued(&world), names_without(0..10));
    assert_well(&world);
}

#[test]
fn a_second_repair_keeps_what_the_first_one_kept() {
    let build = closed();
    build.flip(1, build.records[0].at.offset + 70);
    mend(&build.world).unwrap();
    let first = bytes_of(&build.disk, &damaged_name(1));
    build.flip(1, build.records[1].at.offset + 70);
    mend(&build.world).unwrap();
    assert_eq!(bytes_of(&build.disk, &damaged_name(1)), first);
    build.disk.open(&format!("{}.2", damaged_name(1))).unwrap();
    assert_eq!(queued(&build.world), names_without(0..30));
}
