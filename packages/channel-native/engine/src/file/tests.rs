//! What a file channel promises, one promise a test.

use std::path::Path;

use super::{
    FileOptions, LOCK, Storage, Sync, open_disks,
    rig::{Settings, with_rig},
    sim::{Call, Fault, World},
};
use crate::channel::{Waiter, Wish};

#[test]
fn a_put_is_seen_and_answered_when_it_is_durable_and_is_there_after_the_end_of_the_process() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        let token = rig.stage(&[1, 2, 3]).unwrap();
        assert!(rig.answers().is_empty());
        assert!(rig.take(10).is_none());
        rig.work();
        assert_eq!(rig.answers(), [(token, Ok(0))]);
        let (lease, ids) = rig.take(2).unwrap();
        assert_eq!(ids, [1, 2]);
        rig.rollback(lease);
    })
    .unwrap();
    with_rig(&world, Settings::default(), |rig| {
        assert_eq!(rig.counters().recovered, 3);
        assert_eq!(rig.drain(), [1, 2, 3]);
        rig.pass(100);
    })
    .unwrap();
    with_rig(&world, Settings::default(), |rig| {
        assert_eq!(rig.drain(), [] as [u64; 0]);
        assert_eq!(rig.counters().recovered, 0);
    })
    .unwrap();
}

#[test]
fn more_than_the_buffer_holds_comes_back_in_order() {
    let world = World::new(1);
    let settings = Settings { capacity: 50_000, buffer_bytes: 256 << 10, ..Settings::default() };
    let all: Vec<u64> = (0..20_000).collect();
    with_rig(&world, settings, |rig| {
        for ids in all.chunks(100) {
            rig.put(ids).unwrap();
        }
        assert_eq!(rig.counters().queued, 20_000);
        assert_eq!(rig.drain(), all);
        assert_eq!(rig.counters().queued, 0);
        rig.close();
    })
    .unwrap();
    with_rig(&world, settings, |rig| assert_eq!(rig.drain(), [] as [u64; 0])).unwrap();
}

#[test]
fn segments_that_nobody_needs_are_used_again() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        for round in 0..100 {
            let ids: Vec<_> = (0..100).map(|id| round * 100 + id).collect();
            rig.put(&ids).unwrap();
            assert_eq!(rig.drain(), ids);
            rig.pass(100);
        }
    })
    .unwrap();
    let names = world.directory("data0").list().unwrap();
    assert!(names.len() <= 6, "{names:?}");
}

#[test]
fn a_hidden_put_is_shown_when_it_is_published_and_gone_when_it_is_voided() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        let (shown, _) = rig.stage_hidden(&[1]).unwrap();
        let (voided, _) = rig.stage_hidden(&[2]).unwrap();
        rig.work();
        assert!(rig.take(10).is_none());
        rig.publish(shown);
        rig.void(voided);
        assert_eq!(rig.drain(), [1]);
        rig.close();
    })
    .unwrap();
    with_rig(&world, Settings::default(), |rig| assert_eq!(rig.drain(), [] as [u64; 0])).unwrap();
}

#[test]
fn several_directories_keep_one_order() {
    let world = World::new(1);
    let settings = Settings { directories: 3, buffer_bytes: 128 << 10, capacity: 50_000, ..Settings::default() };
    let all: Vec<u64> = (0..5_000).collect();
    with_rig(&world, settings, |rig| {
        for ids in all.chunks(50) {
            rig.put(ids).unwrap();
        }
    })
    .unwrap();
    with_rig(&world, settings, |rig| assert_eq!(rig.drain(), all)).unwrap();
}

#[test]
fn a_directory_that_was_read_to_its_end_is_read_on() {
    let settings = Settings { directories: 2, buffer_bytes: 128 << 10, ..Settings::default() };
    with_rig(&World::new(1), settings, |rig| {
        let ids: Vec<u64> = (0..7_000).collect();
        let mut delivered = Vec::new();
        // For some time everything goes to the one directory, and then to the other, until the first has nothing left.
        for (at, put) in ids.chunks(5).enumerate() {
            rig.stage(put).unwrap();
            let lane = usize::from((400..1_200).contains(&at));
            rig.writers[lane].turn(0).unwrap();
            if at >= 400 {
                rig.read();
                let (lease, ids) = rig.take(5).unwrap();
                delivered.extend(ids);
                rig.commit(lease);
            }
        }
        delivered.extend(rig.drain());
        assert_eq!(delivered, ids);
        assert_eq!(rig.channel.take_findings(), Vec::<String>::new());
    })
    .unwrap();
}

#[test]
fn synced_in_intervals_a_put_is_answered_before_the_sync_and_is_there_when_only_the_process_ends() {
    let world = World::new(1);
    let settings = Settings { sync: Sync::Interval(5_000), ..Settings::default() };
    with_rig(&world, settings, |rig| rig.put(&[1, 2]).unwrap()).unwrap();
    with_rig(&world, settings, |rig| assert_eq!(rig.drain(), [1, 2])).unwrap();
}

#[test]
fn a_clock_that_is_set_back_disturbs_no_take() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        rig.put(&[1, 2]).unwrap();
        rig.clock.set(rig.clock.get() - 60_000);
        rig.put(&[3, 4]).unwrap();
        for id in 1..=4 {
            assert_eq!(rig.take(1).map(|(_, ids)| ids), Some(vec![id]));
        }
    })
    .unwrap();
}

#[test]
fn a_put_that_is_larger_than_a_segment_is_kept_and_so_is_what_follows() {
    let world = World::new(1);
    let settings = Settings { segment_len: 16 << 10, ..Settings::default() };
    let all: Vec<u64> = (0..1_000).collect();
    with_rig(&world, settings, |rig| {
        for ids in [&all[..10], &all[10..900], &all[900..]] {
            rig.put(ids).unwrap();
        }
    })
    .unwrap();
    with_rig(&world, settings, |rig| assert_eq!(rig.drain(), all)).unwrap();
}

#[test]
fn who_waits_for_events_gets_them_when_they_are_durable() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        let taker = Waiter { owner: 1, token: 1_000_000 };
        let wish = Wish { max: 10, min: 1, linger_ms: None };
        rig.channel.take(taker, wish, true, rig.clock.get()).unwrap();
        rig.stage(&[1, 2]).unwrap();
        assert!(rig.answers().is_empty());
        rig.work();
        assert!(rig.answers().iter().any(|(token, result)| *token == taker.token && result.is_ok()));
    })
    .unwrap();
}

#[test]
fn segments_are_numbered_beyond_32_bits() {
    let world = World::new(1);
    // A name that was used once: the next number is the last of 32 bits.
    world.directory("data0").create("00000000fffffffe.damaged").unwrap();
    let all: Vec<u64> = (0..1_000).collect();
    let put =
        |ids: &[u64]| with_rig(&world, Settings::default(), |rig| ids.chunks(50).for_each(|ids| rig.put(ids).unwrap()));
    put(&all[..500]).unwrap();
    put(&all[500..]).unwrap();
    with_rig(&world, Settings::default(), |rig| assert_eq!(rig.drain(), all)).unwrap();
}

#[test]
fn without_its_checkpoint_a_channel_has_the_same_events_and_complains_of_nothing() {
    let world = World::new(1);
    let settings = Settings { segment_len: 64 << 10, ..Settings::default() };
    with_rig(&world, settings, |rig| {
        // A backlog of many segments, which are freed at once: the oldest are kept to be used again.
        for id in 0..200 {
            rig.put(&[id * 10; 50]).unwrap();
        }
        assert_eq!(rig.drain().len(), 10_000);
        rig.pass(30_000);
        rig.put(&[7; 50]).unwrap();
    })
    .unwrap();
    let checkpoints = world.directory("checkpoint");
    for name in checkpoints.list().unwrap() {
        checkpoints.remove(&name).unwrap();
    }
    with_rig(&world, settings, |rig| {
        assert_eq!(rig.channel.take_findings(), [] as [String; 0]);
        assert_eq!(rig.drain().len(), 50);
    })
    .unwrap();
}

/// The options of a channel in these directories of the real disk.
fn real(data: &[&Path], checkpoints: &Path) -> FileOptions {
    FileOptions {
        data_directories: data.iter().map(|&it| it.to_owned()).collect(),
        checkpoint_directory: checkpoints.to_owned(),
        backup_directory: None,
        segment_len: 64 << 10,
        keep_free: 0,
        sync: Sync::Commit,
        checkpoint_ms: 30_000,
        checkpoint_on_close: true,
        take_sync: false,
        buffer_bytes: 1 << 20,
    }
}

fn refusal(options: &FileOptions) -> String {
    open_disks(options, 0).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn one_directory_under_two_names_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let (data, again) = (scratch.path().join("data"), scratch.path().join("again"));
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(&data, &again).unwrap();
    let checkpoints = scratch.path().join("checkpoint");
    let refused = refusal(&real(&[&data, &again], &checkpoints));
    assert!(refused.contains("is the same directory as another of dataDirs"), "{refused}");
    assert_eq!(refusal(&real(&[&data], &data)), "", "a checkpoint may lie beside its log");
}

#[test]
fn a_directory_and_its_copy_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let (data, copy) = (scratch.path().join("data"), scratch.path().join("copy"));
    let checkpoints = scratch.path().join("checkpoint");
    assert_eq!(refusal(&real(&[&data], &checkpoints)), "");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let refused = refusal(&real(&[&data, &copy], &checkpoints));
    assert!(refused.contains("is a copy of another of dataDirs"), "{refused}");
}

#[test]
fn a_lock_holds_though_its_file_was_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let (data, checkpoints) = (scratch.path().join("data"), scratch.path().join("checkpoint"));
    let options = real(&[&data], &checkpoints);
    let first = open_disks(&options, 0).unwrap();
    std::fs::remove_file(data.join(LOCK)).unwrap();
    assert!(refusal(&options).contains("is locked by"), "{}", refusal(&options));
    drop(first);
    assert_eq!(refusal(&options), "");
}

#[test]
fn a_log_that_is_not_there_is_missed() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        rig.put(&[1, 2, 3]).unwrap();
        rig.close();
    })
    .unwrap();
    let data = world.directory("data0");
    for name in data.list().unwrap() {
        data.remove(&name).unwrap();
    }
    with_rig(&world, Settings::default(), |rig| {
        let findings = rig.channel.take_findings();
        assert!(findings[0].contains("tells of 3 events in a log that is in none of dataDirs"), "{findings:?}");
    })
    .unwrap();
}

#[test]
fn closing_ends_though_the_disk_has_failed_and_a_hidden_put_is_never_decided() {
    let world = World::new(1);
    with_rig(&world, Settings::default(), |rig| {
        rig.stage_hidden(&[1]).unwrap();
        rig.work();
        world.fail(Call::Write, 1, Fault::Io);
        rig.stage(&[2]).unwrap();
        rig.stage(&[3; 40]).unwrap();
        rig.work();
        rig.close();
    })
    .unwrap();
}
