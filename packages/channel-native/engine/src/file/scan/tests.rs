//! What stands where, in a log that is whole and in one that is not.

use super::{
    super::{
        build::{Build, LOG_ID, Work, Written},
        layout::RECORDS_AT,
        sim::{Call, Fault},
    },
    *,
};

/// `Ok` is the offset of a record, `Err` from where to where damage goes.
type Finding = Result<u32, (u32, u32)>;

/// What a scan of the last segment finds, and the end.
fn scan(build: &Build, extent: Extent) -> (Vec<Finding>, u32) {
    let file = build.open(build.segment.number);
    let from = Position { segment: build.segment.number, offset: RECORDS_AT };
    let mut scan = Scan::new(&file, LOG_ID, from, extent, Slab::default()).unwrap();
    let mut found = vec![];
    loop {
        match scan.next().unwrap() {
            Found::Record(record) => {
                assert_eq!(record.payload.as_ptr().align_offset(8), 0);
                found.push(Ok(record.offset));
            }
            Found::Damage(damage) => found.push(Err((damage.from, damage.to))),
            Found::End(end) => {
                assert_eq!(scan.next().unwrap(), Found::End(end));
                return (found, end);
            }
        }
    }
}

/// Four groups: of one put, of a put, an acknowledgement and a put, of one put, of one put.
fn log() -> (Build, Vec<Written>) {
    let mut build = Build::begun(1 << 20);
    build.put(3);
    build.group(&[Work::Put(2), Work::Ack(0..1), Work::Put(4)]);
    build.put(1);
    build.put(2);
    let records = build.records.clone();
    (build, records)
}

fn offsets(records: &[Written]) -> Vec<Finding> {
    records.iter().map(|record| Ok(record.at.offset)).collect()
}

const OPEN: Extent = Extent::Open(0);

#[test]
fn all_records_are_found_and_the_end_behind_them() {
    let (build, records) = log();
    assert_eq!(scan(&build, OPEN), (offsets(&records), build.at));
    assert_eq!(scan(&build, Extent::Stated(build.at)), (offsets(&records), build.at));
    assert_eq!(scan(&build, Extent::Stated(records[4].at.offset)), (offsets(&records[..4]), records[4].at.offset));
}

#[test]
fn a_bad_record_that_nobody_calls_durable_is_the_end() {
    let (build, records) = log();
    let last = records[5].at.offset;
    for inside in [0, 16, 63, 64, 80] {
        let (build, _) = log();
        build.flip(1, last + inside);
        assert_eq!(scan(&build, OPEN), (offsets(&records[..5]), last), "byte {inside}");
    }
    drop(build);
}

#[test]
fn a_group_that_was_not_synced_before_the_next_takes_it_along() {
    let mut build = Build::begun(1 << 20);
    build.put(1);
    build.syncs = false;
    let torn = build.put(1).at.offset;
    build.put(1);
    build.flip(1, torn);
    assert_eq!(scan(&build, OPEN), (offsets(&build.records[..1]), torn));
}

#[test]
fn a_bad_header_before_what_a_later_record_calls_durable_is_damage() {
    let (build, records) = log();
    build.flip(1, records[0].at.offset + 20);
    let damage = Err((records[0].at.offset, records[1].at.offset));
    let expected = [vec![damage], offsets(&records[1..])].concat();
    assert_eq!(scan(&build, OPEN), (expected.clone(), build.at));
    assert_eq!(scan(&build, Extent::Stated(build.at)), (expected, build.at));
}

#[test]
fn behind_a_bad_header_in_a_group_the_rest_of_the_group_is_read() {
    let (build, records) = log();
    build.flip(1, records[1].at.offset + 20);
    let damage = Err((records[1].at.offset, records[2].at.offset));
    assert_eq!(scan(&build, OPEN), ([offsets(&records[..1]), vec![damage], offsets(&records[2..])].concat(), build.at));
}

#[test]
fn a_bad_payload_costs_its_own_record_and_keeps_the_header() {
    let (build, records) = log();
    let bad = &records[3];
    build.flip(1, bad.at.offset + 70);
    let file = build.open(1);
    let mut scan = Scan::new(&file, LOG_ID, bad.at, OPEN, Slab::default()).unwrap();
    let damage = Damage { from: bad.at.offset, to: bad.end, header: Some(bad.header) };
    assert_eq!(scan.next().unwrap(), Found::Damage(damage));
    assert!(matches!(scan.next().unwrap(), Found::Record(record) if record.header == records[4].header));
}

#[test]
fn what_a_checkpoint_calls_durable_is_damage_though_nothing_stands_behind_it() {
    let (build, records) = log();
    let last = records[5].at.offset;
    build.flip(1, last);
    assert_eq!(scan(&build, Extent::Open(last)), (offsets(&records[..5]), last));
    assert_eq!(
        scan(&build, Extent::Open(build.at)),
        ([offsets(&records[..5]), vec![Err((last, build.at))]].concat(), build.at)
    );
}

#[test]
fn bad_bytes_before_a_stated_end_are_damage_up_to_it() {
    let (build, records) = log();
    let last = records[5].at.offset;
    build.flip(1, last);
    assert_eq!(
        scan(&build, Extent::Stated(build.at)),
        ([offsets(&records[..5]), vec![Err((last, build.at))]].concat(), build.at)
    );
}

#[test]
fn what_a_file_that_was_cut_has_lost_is_damage_when_its_end_is_stated() {
    let (build, records) = log();
    let last = &records[5];
    build.damage(1, |bytes| bytes.truncate(last.at.offset as usize + 80));
    let (found, end) = scan(&build, Extent::Stated(build.at));
    assert_eq!((found, end), ([offsets(&records[..5]), vec![Err((last.at.offset, build.at))]].concat(), build.at));
    assert_eq!(scan(&build, OPEN), (offsets(&records[..5]), last.at.offset));
    build.damage(1, Vec::clear);
    assert_eq!(scan(&build, Extent::Stated(build.at)), (vec![Err((RECORDS_AT, build.at))], build.at));
    assert_eq!(scan(&build, OPEN), (vec![], RECORDS_AT));
}

#[test]
fn a_record_that_reaches_beyond_the_end_is_none() {
    let (build, records) = log();
    let inside = records[5].at.offset + 72;
    let (found, _) = scan(&build, Extent::Stated(inside));
    assert_eq!(found[5], Err((records[5].at.offset, inside)));
}

#[test]
fn records_larger_than_what_is_read_at_once_are_read_whole() {
    let mut build = Build::begun(8 << 20);
    for events in [1, 9_000, 1, 9_000, 5, 6_000] {
        build.put(events);
    }
    assert!(build.records.iter().any(|record| record.header.payload_len > 1 << 20), "none is so large");
    assert_eq!(scan(&build, OPEN), (offsets(&build.records), build.at));
}

#[test]
fn a_scan_goes_on_where_its_segment_grows() {
    let mut build = Build::begun(1 << 20);
    build.put(1);
    let first = build.at;
    let file = build.open(1);
    let from = build.records[0].at;
    let mut scan = Scan::new(&file, LOG_ID, from, Extent::Stated(first), Slab::default()).unwrap();
    assert!(matches!(scan.next().unwrap(), Found::Record(_)));
    assert_eq!(scan.next().unwrap(), Found::End(first));
    build.put(2);
    scan.extend(build.at).unwrap();
    assert!(
        matches!(scan.next().unwrap(), Found::Record(record) if record.offset == first && record.header.events == 2)
    );
    assert_eq!(scan.next().unwrap(), Found::End(build.at));
}

#[test]
fn a_record_that_was_found_can_be_had_once_more() {
    let (build, records) = log();
    let file = build.open(1);
    let mut scan = Scan::new(&file, LOG_ID, records[0].at, OPEN, Slab::default()).unwrap();
    for record in records {
        for _ in 0..2 {
            assert_eq!(scan.offset(), record.at.offset);
            assert!(matches!(scan.next().unwrap(), Found::Record(found) if found.header == record.header));
            scan.back_to(record.at.offset);
        }
        scan.next().unwrap();
    }
}

#[test]
fn after_a_failed_read_the_same_is_tried_again() {
    let (build, records) = log();
    let file = build.open(1);
    let mut scan = Scan::new(&file, LOG_ID, records[0].at, OPEN, Slab::default()).unwrap();
    build.world.fail(Call::Read, 1, Fault::Io);
    scan.next().unwrap_err();
    assert!(matches!(scan.next().unwrap(), Found::Record(record) if record.offset == records[0].at.offset));
}

#[test]
fn a_record_that_is_read_from_the_disk_again_is_compared_again() {
    let mut build = Build::begun(8 << 20);
    build.put(9000);
    build.put(9000);
    let first = build.records[0].at;
    let file = build.open(1);
    let mut scan = Scan::new(&file, LOG_ID, first, OPEN, Slab::default()).unwrap();
    assert!(matches!(scan.next().unwrap(), Found::Record(_)));
    build.flip(1, first.offset + 100);
    // The window moves to the second record's header, and back.
    scan.back_to(build.records[1].at.offset);
    scan.find(build.records[1].at.offset.into()).unwrap();
    scan.back_to(first.offset);
    assert!(matches!(scan.next().unwrap(), Found::Damage(_)));
}
