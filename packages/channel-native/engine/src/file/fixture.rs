//! A directory of version 1 of the format, as it was once written. It must stay readable for ever.

use std::{fs, path::PathBuf, sync::Arc};

use super::{
    Consumed, Disk, Storage, StorageFile,
    build::{Build, LOG_ID, Work, events},
    layout::checkpoint_name,
    recovery::recover,
    sim::SimDisk,
};

const DATA: [&str; 2] = ["0000000000000001.segment", "0000000000000002.segment"];

fn path(directory: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1").join(directory)
}

/// Puts of 3, 2, 4, 1 and 2 events in two segments; 4 and 1 were taken before the checkpoint, 0 behind it.
fn written() -> Build {
    let mut build = Build::begun(16 << 10);
    build.put(3);
    build.group(&[Work::Put(2), Work::Ack(1..2), Work::Put(4)]);
    build.begin(24 << 10);
    build.group(&[Work::Ack(4..5), Work::Put(1)]);
    let mut consumed = Consumed::default();
    consumed.insert(1, 2);
    consumed.insert(4, 5);
    build.generation = 1;
    build.checkpoint(consumed);
    build.group(&[Work::Ack(0..1)]);
    build.put(2);
    build
}

/// Each file with its path, and its bytes as they would be written today.
fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let build = written();
    let read = |disk: &SimDisk, name: &str| {
        let file = disk.open(name).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    };
    let name = checkpoint_name(LOG_ID);
    let checkpoint = (path("checkpoint").join(&name), read(&build.checkpoints[0], &name));
    DATA.map(|name| (path("data").join(name), read(&build.disk, name))).into_iter().chain([checkpoint]).collect()
}

#[test]
fn what_version_1_wrote_is_read() {
    let disk = |name| Arc::new(Disk::open(&path(name)).unwrap());
    let found = recover(&*disk("data"), &[disk("checkpoint")]).unwrap();
    assert_eq!(found.findings, []);
    assert_eq!((found.log_id, found.next_number, found.next_ordinal, found.next_sequence), (Some(LOG_ID), 3, 12, 5));
    assert_eq!((found.generation, found.position.segment, found.position.offset), (2, 2, 12_288));
    let queued: Vec<_> = found.consumed.unconsumed_in(0, found.next_ordinal).collect();
    assert_eq!(queued, [2..4, 5..12]);
    let read = |index: usize| {
        let segment = &found.segments[index];
        events(&*segment.file, segment.number, segment.end).into_values().map(|body| String::from_utf8(body).unwrap())
    };
    let bodies: Vec<String> = read(0).chain(read(1)).collect();
    assert_eq!(bodies.len(), 12);
    assert_eq!(bodies[..2], ["event 0 ", ""]);
    assert_eq!(bodies[2], "event 2 ".repeat(40));
    assert_eq!(bodies[11], "event 11 event 11 event 11 ");
}

#[test]
fn version_1_is_still_what_is_written() {
    for (path, bytes) in files() {
        assert!(fs::read(&path).unwrap() == bytes, "{} differs: another format needs another version", path.display());
    }
}

#[test]
#[ignore = "writes the fixture"]
fn write_the_fixture() {
    for (path, bytes) in files() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
