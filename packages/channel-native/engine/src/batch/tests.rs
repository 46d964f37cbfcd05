//! The codec against its naive model.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    model::{Plain, Scratch, Wild, any_text, cases, encode, fill, letter, long, read, wild},
    *,
};
use crate::Error;

fn plain_events() -> impl Strategy<Value = Vec<Plain>> {
    wild().prop_map(|events| events.iter().map(Wild::plain).collect())
}

/// Room for at least the largest of these events, with a header more.
fn room(events: &[Plain], slack: usize) -> Size {
    Size { events: 3, bytes: events.iter().map(|event| encode(event).len()).max().unwrap_or(0) + 30 + slack }
}

const PLENTY: Size = Size { events: 200, bytes: 1 << 16 };

fn run_of<'a>(events: &[Plain], scratch: &'a mut Scratch) -> Run<'a> {
    let bytes = events.iter().flat_map(encode).collect::<Vec<_>>();
    let mut space = scratch.space();
    assert_eq!(scan_events(&bytes, events.len(), &mut space), Ok(Size { events: events.len(), bytes: bytes.len() }));
    let written = space.written();
    scratch.run(written)
}

#[test]
fn the_events_of_a_flume_client_are_read() {
    let request = b"\x04\x02\x04h1\x04v1\x00\x06one\x02\x04h1\x04v1\x00\x06two\x00";
    let mut scratch = Scratch::new(PLENTY);
    let mut space = scratch.space();
    // In front of the events stands how many there are, behind them the end of the array.
    assert_eq!(scan_events(&request[1..], 2, &mut space), Ok(Size { events: 2, bytes: request.len() - 2 }));
    let event = |body: &str| (vec![("h1".into(), "v1".into())], body.as_bytes().to_vec());
    assert_eq!(read(&space.run()), [event("one"), event("two")]);
    assert_eq!(space.run().bytes(), &request[1..request.len() - 1]);
}

#[test]
fn malformed_events_are_refused_with_their_place() {
    let cases: [(&[u8], &str, usize); 7] = [
        (b"", "the input ends inside a number", 0),
        (b"\x00", "the input ends inside a number", 1),
        (b"\x00\x04x", "a length reaches beyond the end of the input", 1),
        (b"\x00\x01", "a length is negative", 1),
        (b"\x02\x02k\x03", "a length is negative", 3),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", "the input ends inside a number", 11),
        (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", "the input ends inside a number", 12),
    ];
    for (input, what, offset) in cases {
        let mut scratch = Scratch::new(PLENTY);
        let event = [b"\x00\x06one".as_slice(), input].concat();
        let result = scan_events(&event, 2, &mut scratch.space());
        assert_eq!(result, Err(Error::InvalidBatch { what, offset: 5 + offset }), "{input:02x?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn more_headers_than_an_event_may_have_are_refused_before_they_cost_memory() {
    let count = 1 << 20;
    let input = [long(count, 0), vec![0; 2 * count], vec![0, 0]].concat();
    let mut scratch = Scratch::new(PLENTY);
    let result = scan_events(&input, 1, &mut scratch.space());
    let Err(Error::InvalidBatch { what, .. }) = result else { panic!("{result:?}") };
    assert_eq!(what, "an event has more than 65,536 headers");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn canonical_events_are_taken_byte_by_byte(events in plain_events()) {
        let mut scratch = Scratch::new(PLENTY);
        prop_assert_eq!(read(&run_of(&events, &mut scratch)), events);
    }

    #[test]
    fn whatever_avro_allows_becomes_canonical(events in wild(), slack in 0_usize..300) {
        let input = events.iter().flat_map(Wild::avro).collect::<Vec<_>>();
        let plain: Vec<Plain> = events.iter().map(Wild::plain).collect();
        let mut scanned = Size::default();
        let result = fill(room(&plain, slack), |space| {
            let more = scan_events(&input[scanned.bytes..], events.len() - scanned.events, space).unwrap();
            scanned = Size { events: scanned.events + more.events, bytes: scanned.bytes + more.bytes };
            scanned.events == events.len()
        });
        prop_assert_eq!(scanned.bytes, input.len());
        prop_assert_eq!(result, plain);
    }

    #[test]
    fn flat_events_become_the_same(events in wild(), slack in 0_usize..300) {
        let input = events.iter().flat_map(Wild::flat).collect::<Vec<_>>();
        let plain: Vec<Plain> = events.iter().map(Wild::plain).collect();
        let mut at = 0;
        let result = fill(room(&plain, slack), |space| {
            at += push_flat(&input[at..], space).unwrap().bytes;
            at == input.len()
        });
        prop_assert_eq!(result, plain);
    }

    #[test]
    fn any_part_of_a_run_is_those_events(events in plain_events(), cuts in vec(any::<Index>(), 2..6)) {
        let mut scratch = Scratch::new(PLENTY);
        let run = run_of(&events, &mut scratch);
        let mut copies = Scratch::new(Size { events: 600, bytes: PLENTY.bytes * 3 });
        let mut space = copies.space();
        let mut expected = vec![];
        for pair in cuts.windows(2) {
            let (from, to) = (pair[0].index(events.len() + 1), pair[1].index(events.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            let part = run.slice(from..to);
            prop_assert_eq!(read(&part), &events[from..to]);
            prop_assert_eq!(read(&part.slice(1..2)), events[from..to].get(1).cloned().into_iter().collect::<Vec<_>>());
            let slots: usize = events[from..to].iter().map(|(_, body)| body.len().max(1).div_ceil(100)).sum();
            prop_assert_eq!(part.slots(100), slots as u64);
            let crcs = events[from..to].iter().map(|(_, body)| crc32c::crc32c(body));
            prop_assert_eq!(part.checksum(), crcs.fold(0, u32::wrapping_add));
            part.copy_to(&mut space).unwrap();
            expected.extend_from_slice(&events[from..to]);
        }
        prop_assert_eq!(read(&space.run()), expected);
    }

    #[test]
    fn every_event_that_is_kept_has_its_headers_changed(
        events in plain_events(),
        edits in vec((letter(), proptest::option::of(any_text(5)), any::<bool>()), 0..4),
        wanted in vec(any::<bool>(), 8),
        slack in 0_usize..300,
    ) {
        let mut scratch = Scratch::new(PLENTY);
        let run = run_of(&events, &mut scratch);
        let native: Vec<Edit> = edits
            .iter()
            .map(|(name, value, preserve)| match value {
                Some(value) => Edit::set(name, value, *preserve),
                None => Edit::remove(name),
            })
            .collect();
        let mut done = 0;
        let result = fill(room(&events, slack + 4 * 30), |space| {
            let start = done;
            done += change(&run.slice(start..run.len()), &native, |index| wanted[start + index], space).unwrap();
            done == run.len()
        });
        let mut kept: Vec<Plain> = events.into_iter().zip(wanted).filter_map(|(event, wanted)| wanted.then_some(event)).collect();
        for (headers, _) in &mut kept {
            for (name, value, preserve) in &edits {
                let old = headers.iter_mut().find(|(known, _)| known == name);
                match (old, value) {
                    (Some(_), Some(_)) if *preserve => {}
                    (Some((_, old)), Some(value)) => old.clone_from(value),
                    (None, Some(value)) => headers.push((name.clone(), value.clone())),
                    (_, None) => headers.retain(|(known, _)| known != name),
                }
            }
        }
        prop_assert_eq!(result, kept);
    }

    #[test]
    fn the_names_of_a_run_are_those_of_its_events(events in plain_events()) {
        let mut scratch = Scratch::new(PLENTY);
        let run = run_of(&events, &mut scratch);
        let mut expected: Vec<&str> = vec![];
        for (name, _) in events.iter().flat_map(|(headers, _)| headers) {
            if !expected.contains(&name.as_str()) {
                expected.push(name);
            }
        }
        prop_assert_eq!(header_names(&run), expected);
    }

    #[test]
    fn no_bytes_at_all_make_a_reader_panic(
        events in wild(),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
        noise in vec(any::<u8>(), 0..64),
        cut: Index,
    ) {
        let avro = events.iter().flat_map(Wild::avro).collect::<Vec<_>>();
        let flat = events.iter().flat_map(Wild::flat).collect::<Vec<_>>();
        for mut input in [avro, flat, noise] {
            input.truncate(cut.index(input.len() + 1));
            spoil(&mut input, &damage);
            let mut scratch = Scratch::new(PLENTY);
            let mut space = scratch.space();
            let _ = scan_events(&input, 100, &mut space);
            let _ = push_flat(&input, &mut space);
            read(&space.run());
            headers(&input).for_each(drop);
        }
    }

    #[test]
    fn no_table_at_all_makes_a_run_panic(
        events in vec(any::<u8>(), 0..40),
        table in vec((0_u32..60, 0_u32..60), 0..5),
        base in prop_oneof![0_u32..20, any::<u32>()],
    ) {
        let table: Vec<Entry> = table.iter().map(|&(start, body)| Entry { start, body }).collect();
        if let Ok(run) = Run::new(&events, &table, base) {
            use_every_method(&run);
        }
    }

    #[test]
    fn damaged_events_behind_a_sound_table_make_nothing_panic(
        events in plain_events(),
        damage in vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut scratch = Scratch::new(PLENTY);
        let run = run_of(&events, &mut scratch);
        let (mut bytes, table) = (run.bytes().to_vec(), run.table().to_vec());
        spoil(&mut bytes, &damage);
        use_every_method(&Run::new(&bytes, &table, 4096).unwrap());
    }
}

fn spoil(bytes: &mut [u8], damage: &[(Index, u8)]) {
    for (at, byte) in damage {
        if !bytes.is_empty() {
            *at.get_mut(bytes) = *byte;
        }
    }
}

fn use_every_method(run: &Run<'_>) {
    run.iter().rev().for_each(|event| headers(event.headers).for_each(drop));
    let _ = (run.slots(100), run.slots(0), run.checksum(), run.event(run.len()), run.slice(1..run.len()));
    let mut scratch = Scratch::new(PLENTY);
    let mut space = scratch.space();
    run.copy_to(&mut space).unwrap();
    let _ = header_names(run);
    let _ = change(run, &[Edit::set("a", "b", false), Edit::remove("c")], |_| true, &mut space);
    assert_eq!(change(run, &[], |_| true, &mut space), Ok(run.len()));
}
