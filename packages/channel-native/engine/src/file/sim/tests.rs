//! What a crash leaves.

mod faults;

use std::io::ErrorKind;

use super::*;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// A power cut that takes bytes as told, and keeps lengths and names.
fn cut(grain: Grain, bytes: Kept) -> LossPattern {
    LossPattern::Power { grain, bytes, growth: Growth::Zeros, names: Kept::Everything }
}

/// A power cut that takes changes of names as told, and keeps every byte.
fn names(names: Kept) -> LossPattern {
    LossPattern::Power { grain: Grain::Write, bytes: Kept::Everything, growth: Growth::Zeros, names }
}

const LOSE_ALL: LossPattern =
    LossPattern::Power { grain: Grain::Write, bytes: Kept::Nothing, growth: Growth::Lost, names: Kept::Nothing };
const KILL: LossPattern = LossPattern::Kill { pages: u16::MAX };

fn write(file: &SimFile, offset: usize, bytes: &[u8]) -> io::Result<()> {
    file.write_at(offset as u64, &mut [IoSlice::new(bytes)])
}

fn bytes(file: &SimFile) -> Vec<u8> {
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// The first byte of each piece of so many bytes, and that the whole piece is like it.
fn uniform(bytes: &[u8], len: usize) -> String {
    let letter = |piece: &[u8]| if piece.iter().all(|byte| *byte == piece[0]) { piece[0].max(b'0') } else { b'?' };
    bytes.chunks(len).map(|piece| char::from(letter(piece))).collect()
}

/// A file "log" in directory "d" with these bytes, all durable.
fn world_with(bytes: &[u8]) -> (World, SimDisk, SimFile) {
    let world = World::new(1);
    let disk = world.directory("d");
    let file = disk.create("log").unwrap();
    write(&file, 0, bytes).unwrap();
    file.sync().unwrap();
    disk.sync_names().unwrap();
    assert_eq!(world.doubt(), Doubt::default());
    (world, disk, file)
}

/// What the next boot reads in "log".
fn left(world: &World, loss: LossPattern) -> Vec<u8> {
    bytes(&world.after_crash(loss).directory("d").open("log").unwrap())
}

fn kind<T: fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn synced_bytes_and_names_survive_and_others_do_not() {
    let (world, disk, file) = world_with(b"durable");
    write(&file, 0, b"written").unwrap();
    disk.create("new").unwrap().sync().unwrap();
    let next = world.after_crash(LOSE_ALL).directory("d");
    assert_eq!(next.list().unwrap(), ["log"]);
    assert_eq!(bytes(&next.open("log").unwrap()), b"durable");
    assert_eq!(bytes(&file), b"written", "the world that did not crash goes on");
}

#[test]
fn whole_writes_are_kept_and_lost_by_the_pattern() {
    let (world, _disk, file) = world_with(&[b'o'; 4 * PAGE]);
    for (page, letter) in b"abcd".iter().enumerate() {
        write(&file, page * PAGE, &[*letter; PAGE]).unwrap();
    }
    assert_eq!(world.doubt(), Doubt { writes: 4, pages: 4, sectors: 32, names: 0, grown: 0 });
    for (kept, expected) in [
        (Kept::Nothing, "oooo"),
        (Kept::Everything, "abcd"),
        (Kept::First(1), "aooo"),
        (Kept::First(9), "abcd"),
        (Kept::Last(2), "oocd"),
        (Kept::Without(1), "aocd"),
        (Kept::Alternating(true), "aoco"),
        (Kept::Alternating(false), "obod"),
    ] {
        for grain in [Grain::Write, Grain::Page] {
            assert_eq!(uniform(&left(&world, cut(grain, kept)), PAGE), expected, "{grain:?} {kept:?}");
        }
    }
}

#[test]
fn a_write_is_torn_between_its_pages_and_inside_of_them() {
    let (world, _disk, file) = world_with(&[b'o'; 2 * PAGE]);
    write(&file, 0, &[b'a'; 2 * PAGE]).unwrap();
    let of = |grain, kept| left(&world, cut(grain, kept));
    assert_eq!(uniform(&of(Grain::Write, Kept::First(1)), PAGE), "aa");
    assert_eq!(uniform(&of(Grain::Page, Kept::First(1)), PAGE), "ao");
    assert_eq!(uniform(&of(Grain::Page, Kept::Last(1)), PAGE), "oa");
    assert_eq!(uniform(&of(Grain::Sector, Kept::First(3)), SECTOR), "aaaooooooooooooo");
    assert_eq!(uniform(&of(Grain::Sector, Kept::Last(9)), SECTOR), "oooooooaaaaaaaaa");
    assert_eq!(uniform(&of(Grain::Sector, Kept::Without(8)), SECTOR), "aaaaaaaaoaaaaaaa");
    assert_eq!(uniform(&of(Grain::Sector, Kept::Alternating(true)), SECTOR), "aoaoaoaoaoaoaoao");
}

#[test]
fn random_losses_follow_their_seeds() {
    let (world, _disk, file) = world_with(&vec![b'o'; 8 * PAGE]);
    write(&file, 0, &vec![b'a'; 8 * PAGE]).unwrap();
    let of = |seed| uniform(&left(&world, cut(Grain::Sector, Kept::Random(seed))), SECTOR);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    let kept = (0..100).map(|seed| of(seed).matches('a').count()).sum::<usize>();
    assert!((2_800..3_600).contains(&kept), "about half of 6400: {kept}");
}

#[test]
fn a_page_that_was_written_twice_is_on_the_disk_in_any_state_it_had() {
    let (world, _disk, file) = world_with(&[b'o'; PAGE]);
    write(&file, 0, &[b'a'; PAGE]).unwrap();
    write(&file, SECTOR, &[b'b'; SECTOR]).unwrap();
    let of = |grain, kept| uniform(&left(&world, cut(grain, kept)), SECTOR);
    assert_eq!(of(Grain::Page, Kept::First(1)), "aaaaaaaa");
    assert_eq!(of(Grain::Page, Kept::Last(1)), "abaaaaaa", "the disk gets whole pages");
    assert_eq!(of(Grain::Sector, Kept::Last(1)), "oboooooo", "or sectors");
}

#[test]
fn writes_to_several_files_are_lost_in_the_order_of_all_of_them() {
    let (world, disk, log) = world_with(b"o");
    let other = disk.create("other").unwrap();
    for (file, bytes) in [(&log, b"a"), (&other, b"b"), (&log, b"c")] {
        write(file, 0, bytes).unwrap();
    }
    let next = world.after_crash(cut(Grain::Write, Kept::First(2))).directory("d");
    assert_eq!(
        (bytes(&next.open("log").unwrap()), bytes(&next.open("other").unwrap())),
        (b"a".to_vec(), b"b".to_vec())
    );
    let next = world.after_crash(cut(Grain::Write, Kept::Last(1))).directory("d");
    assert_eq!(
        (bytes(&next.open("log").unwrap()), bytes(&next.open("other").unwrap())),
        (b"c".to_vec(), b"\0".to_vec())
    );
}

#[test]
fn a_file_that_grew_has_any_length_and_any_bytes_behind_the_old_one() {
    let (world, disk, file) = world_with(&[b'o'; 100]);
    let removed = disk.create("removed").unwrap();
    write(&removed, 0, &[b's'; 2 * PAGE]).unwrap();
    disk.remove("removed").unwrap();
    removed.sync().unwrap();
    write(&file, 0, &[b'a'; PAGE]).unwrap();
    write(&file, PAGE, &[b'b'; 10]).unwrap();
    let of =
        |growth, bytes| left(&world, LossPattern::Power { grain: Grain::Page, bytes, growth, names: Kept::Nothing });
    let filled = |letter: u8| [&[b'o'; 100][..], &[letter; PAGE - 90]].concat();

    assert_eq!(of(Growth::Lost, Kept::Nothing), [b'o'; 100]);
    assert_eq!(of(Growth::Lost, Kept::Everything), [b'a'; 100]);
    assert_eq!(of(Growth::Reached, Kept::Nothing), [b'o'; 100]);
    assert_eq!(of(Growth::Reached, Kept::First(1)), [b'a'; PAGE]);
    assert_eq!(of(Growth::Reached, Kept::Last(1))[100..], [&[0; PAGE - 100][..], &[b'b'; 10]].concat());
    let torn = LossPattern::Power {
        grain: Grain::Sector,
        bytes: Kept::First(2),
        growth: Growth::Reached,
        names: Kept::Nothing,
    };
    assert_eq!(left(&world, torn), [b'a'; 2 * SECTOR]);
    assert_eq!(of(Growth::Zeros, Kept::Nothing), filled(0));
    assert_eq!(of(Growth::Stale, Kept::Nothing), filled(b's'));
    let garbage = of(Growth::Garbage, Kept::Nothing);
    assert_eq!(garbage.len(), PAGE + 10);
    assert_eq!(garbage[..100], [b'o'; 100]);
    assert!((0..=255).all(|byte| garbage[100..].contains(&byte)), "every byte there is");
    assert_eq!(of(Growth::Garbage, Kept::Everything), [&[b'a'; PAGE][..], &[b'b'; 10]].concat());

    let next = world.after_crash(LossPattern::Power {
        grain: Grain::Page,
        bytes: Kept::Everything,
        growth: Growth::Lost,
        names: Kept::Nothing,
    });
    let file = next.directory("d").open("log").unwrap();
    write(&file, 199, b"c").unwrap();
    assert_eq!(bytes(&file), [&[b'a'; 100][..], &[0; 99], b"c"].concat(), "what was cut off does not come back");
}

#[test]
fn changes_of_names_are_undone_by_the_pattern() {
    let (world, disk, _file) = world_with(b"log");
    write(&disk.create("new").unwrap(), 0, b"new").unwrap();
    disk.rename("new", "log").unwrap();
    disk.create("last").unwrap();
    disk.remove("last").unwrap();
    assert_eq!(world.doubt().names, 4);
    let of = |kept| {
        let next = world.after_crash(names(kept)).directory("d");
        let list = next.list().unwrap().into_iter();
        list.map(|name| format!("{name}={}", String::from_utf8(bytes(&next.open(&name).unwrap())).unwrap()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(of(Kept::Nothing), "log=log");
    assert_eq!(of(Kept::First(1)), "log=log new=new");
    assert_eq!(of(Kept::First(2)), "log=new", "the replaced file is gone");
    assert_eq!(of(Kept::First(3)), "last= log=new");
    assert_eq!(of(Kept::Everything), "log=new");
    assert_eq!(of(Kept::Without(0)), "log=new", "a rename without the creation before it");
    assert_eq!(of(Kept::Without(1)), "log=log new=new", "a removal without the rename before it");
    assert_eq!(of(Kept::Last(2)), "log=log");
}

#[test]
fn an_undone_removal_shows_the_file_again() {
    let (world, disk, _file) = world_with(b"log");
    disk.remove("log").unwrap();
    assert_eq!(left(&world, names(Kept::Nothing)), b"log");
    disk.sync_names().unwrap();
    assert_eq!(world.after_crash(names(Kept::Nothing)).directory("d").list().unwrap(), [""; 0]);
}

#[test]
fn each_directory_is_synced_by_itself() {
    let world = World::new(1);
    let (one, two) = (world.directory("one"), world.directory("two"));
    one.create("a").unwrap();
    two.create("b").unwrap();
    two.sync_names().unwrap();
    let next = world.after_crash(LOSE_ALL);
    assert_eq!(next.directory("one").list().unwrap(), [""; 0]);
    assert_eq!(next.directory("two").list().unwrap(), ["b"]);

    two.create("a").unwrap();
    let random = |seed| world.after_crash(names(Kept::Random(seed)));
    let has_a = |next: &World, path| next.directory(path).list().unwrap().contains(&"a".to_owned());
    assert!((0..20).map(random).any(|next| has_a(&next, "one") != has_a(&next, "two")));
}

#[test]
fn after_a_failed_sync_the_cache_lies_until_the_power_fails() {
    let (world, _disk, file) = world_with(&[b'o'; 2 * PAGE]);
    write(&file, 0, &[b'a'; SECTOR]).unwrap();
    write(&file, PAGE, &[b'a'; PAGE]).unwrap();
    world.fail(Call::Sync, 1, Fault::Io);
    assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(5));
    file.sync().unwrap();
    assert_eq!(uniform(&bytes(&file), SECTOR), "aoooooooaaaaaaaa");
    assert_eq!(uniform(&left(&world, LOSE_ALL), SECTOR), "o".repeat(16));
    assert_eq!(
        uniform(&left(&world, cut(Grain::Page, Kept::First(1))), SECTOR),
        "aooooooooooooooo",
        "a part got there"
    );

    let restarted = world.after_crash(KILL);
    let file = restarted.directory("d").open("log").unwrap();
    assert_eq!(uniform(&bytes(&file), SECTOR), "aoooooooaaaaaaaa", "the next process is lied to as well");
    write(&file, 7 * SECTOR, &[b'b'; SECTOR]).unwrap();
    file.sync().unwrap();
    let expected = "aooooooboooooooo";
    assert_eq!(uniform(&left(&restarted, LOSE_ALL), SECTOR), expected, "a page written again goes to the disk whole");
    assert_eq!(uniform(&left(&restarted, cut(Grain::Write, Kept::First(1))), SECTOR), "aoooooobaaaaaaaa");
}

#[test]
fn after_a_failed_sync_of_names_later_ones_do_not_write_them() {
    let (world, disk, _file) = world_with(b"log");
    disk.create("a").unwrap();
    disk.create("b").unwrap();
    world.fail(Call::SyncNames, 1, Fault::Io);
    disk.sync_names().unwrap_err();
    disk.rename("b", "c").unwrap();
    disk.sync_names().unwrap();
    assert_eq!(disk.list().unwrap(), ["a", "c", "log"]);
    let of = |kept| world.after_crash(names(kept)).directory("d").list().unwrap();
    assert_eq!(of(Kept::Nothing), ["c", "log"]);
    assert_eq!(of(Kept::Everything), ["a", "c", "log"]);
}

#[test]
fn a_killed_process_loses_nothing_but_the_end_of_its_last_write() {
    let (world, disk, file) = world_with(&[b'o'; 3 * PAGE]);
    disk.create("new").unwrap();
    write(&file, 0, &[b'a'; 10]).unwrap();
    world.crash_at(1);
    write(&file, PAGE - 1, &[b'b'; 2 * PAGE + 11]).unwrap_err();
    let of = |pages| left(&world, LossPattern::Kill { pages });
    let expected = |count| [&[b'a'; 10][..], &[b'o'; PAGE - 11], &vec![b'b'; count]].concat();
    assert_eq!(of(0), [&[b'a'; 10][..], &[b'o'; 3 * PAGE - 10]].concat());
    assert_eq!(of(1)[..PAGE], expected(1));
    assert_eq!(of(1).len(), 3 * PAGE);
    assert_eq!(of(3), expected(2 * PAGE + 1));
    assert_eq!(of(4), expected(2 * PAGE + 11));
    let next = world.after_crash(KILL);
    assert_eq!(next.directory("d").list().unwrap(), ["log", "new"]);
    let again = next.after_crash(LossPattern::Kill { pages: 0 });
    assert_eq!(left(&again, KILL).len(), 3 * PAGE + 10, "nothing was interrupted this time");
    assert_eq!(left(&next, LOSE_ALL), [b'o'; 3 * PAGE], "and what was not synced can still be lost");
}
