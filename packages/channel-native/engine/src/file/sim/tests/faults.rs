//! Where the machine stops, what fails, and when the disk is full.

use super::*;

#[test]
fn the_machine_stops_in_the_middle_of_the_call() {
    type Step = fn(&SimDisk, &SimFile) -> io::Result<()>;
    let steps: [(Call, Step); 6] = [
        (Call::Create, |disk, _| disk.create("new").map(drop)),
        (Call::Write, |_, file| write(file, 0, b"new")),
        (Call::Sync, |_, file| file.sync()),
        (Call::Rename, |disk, _| disk.rename("log", "new")),
        (Call::SyncNames, |disk, _| disk.sync_names()),
        (Call::Remove, |disk, _| disk.remove("log")),
    ];
    for (nth, &(call, step)) in steps.iter().enumerate() {
        let (world, disk, file) = world_with(b"old");
        let before = world.calls();
        world.crash_at(2);
        // Neither looks nor other calls before it stop it.
        disk.list().unwrap();
        file.len().unwrap();
        steps[(nth + 1) % 6].1(&disk, &file).unwrap();
        let mut results = vec![step(&disk, &file)];
        assert_eq!(world.calls(), before + 2, "{call:?}");
        results.extend([file.len().map(drop), disk.list().map(drop), disk.open("log").map(drop), disk.sync_names()]);
        assert!(results.into_iter().all(|result| PowerOff::is(&result.unwrap_err())), "{call:?}");
        assert!(world.is_off());
        assert!(world.after_crash(KILL).directory("d").list().is_ok(), "the next boot works");
    }
}

#[test]
fn the_call_in_which_the_machine_stops_may_be_done_or_not() {
    let (world, disk, file) = world_with(b"old");
    write(&file, 0, b"new").unwrap();
    world.crash_at(1);
    file.sync().unwrap_err();
    assert_eq!(left(&world, LOSE_ALL), b"old");
    assert_eq!(left(&world, cut(Grain::Write, Kept::Everything)), b"new");

    let next = world.after_crash(LOSE_ALL);
    next.crash_at(1);
    next.directory("d").rename("log", "moved").unwrap_err();
    assert_eq!(next.after_crash(names(Kept::Nothing)).directory("d").list().unwrap(), ["log"]);
    assert_eq!(next.after_crash(names(Kept::Everything)).directory("d").list().unwrap(), ["moved"]);

    let next = next.after_crash(KILL);
    next.crash_at(1);
    next.directory("d").sync_names().unwrap_err();
    assert_eq!(next.after_crash(names(Kept::Nothing)).directory("d").list().unwrap(), ["log"]);
    assert!(PowerOff::is(&disk.list().unwrap_err()), "the first machine stays off");
}

#[test]
fn a_fault_strikes_once_at_its_call() {
    let (world, disk, file) = world_with(b"old");
    world.fail(Call::Write, 2, Fault::Full);
    world.fail(Call::Create, 1, Fault::Io);
    world.fail(Call::Read, 1, Fault::Io);
    write(&file, 0, b"new").unwrap();
    assert_eq!(kind(write(&file, 0, b"four")), ErrorKind::StorageFull);
    assert_eq!(disk.create("a").unwrap_err().raw_os_error(), Some(5));
    assert!(file.read_at(0, &mut [0; 3]).is_err());
    assert_eq!(bytes(&file), b"fow", "a half was written");
    assert_eq!(disk.list().unwrap(), ["log"]);
    write(&file, 0, b"four").unwrap();
    world.fail(Call::Sync, 1, Fault::Io);
    world.mend();
    file.sync().unwrap();
    assert_eq!(left(&world, LOSE_ALL), b"four");
}

#[test]
fn the_next_boot_is_rid_of_faults_and_stops() {
    let (world, _disk, _file) = world_with(b"old");
    world.fail(Call::List, 1, Fault::Io);
    world.crash_at(1);
    for loss in [KILL, LOSE_ALL] {
        let next = world.after_crash(loss).directory("d");
        assert_eq!(next.list().unwrap(), ["log"]);
        next.sync_names().unwrap();
    }
}

#[test]
fn a_full_disk_takes_what_fits() {
    let (world, disk, file) = world_with(&[b'o'; PAGE]);
    world.set_capacity(3 * PAGE as u64);
    assert_eq!(disk.free_bytes().unwrap(), 2 * PAGE as u64);
    assert_eq!(kind(write(&file, 100, &[b'a'; 3 * PAGE])), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 3 * PAGE as u64);
    assert_eq!(disk.free_bytes().unwrap(), 0);
    write(&file, 0, &[b'b'; 3 * PAGE]).unwrap();
    assert_eq!(kind(write(&file, PAGE, &[b'c'; 3 * PAGE])), ErrorKind::StorageFull);
    assert_eq!(uniform(&bytes(&file), PAGE), "bcc");
    let new = disk.create("new").unwrap();
    assert_eq!(kind(write(&new, 0, b"a")), ErrorKind::StorageFull);
    assert_eq!(new.len().unwrap(), 0);

    world.set_capacity(4 * PAGE as u64);
    write(&new, 0, b"a").unwrap();
    assert_eq!(kind(write(&new, PAGE, b"b")), ErrorKind::StorageFull);
    disk.remove("log").unwrap();
    write(&new, PAGE, b"b").unwrap();
    assert_eq!(world.directory("other").free_bytes().unwrap(), 2 * PAGE as u64);
}

#[test]
fn damage_is_on_the_disk_and_in_the_cache() {
    let (world, disk, file) = world_with(b"abc");
    disk.damage("log", |bytes| bytes[1] ^= 1).unwrap();
    assert_eq!(bytes(&file), b"acc");
    disk.damage("log", |bytes| bytes.truncate(2)).unwrap();
    assert_eq!(left(&world, LOSE_ALL), b"ac");
    assert_eq!(kind(disk.damage("none", |_| ())), ErrorKind::NotFound);
}
