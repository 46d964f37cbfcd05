//! Requests against their naive model.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    model::{Got, PROTOCOLS, Sent, WIRES, handshake, read_all, sent},
    *,
};
use crate::batch::{
    Run,
    model::{Plain, Scratch, Wild, cases, long, read, wild},
    scan_events,
};

const LIMIT: usize = 1 << 20;

fn reader(wire: Wire) -> Reader {
    Reader::new(wire, LIMIT)
}

/// An event with one header.
fn event(key: &str, value: &str, body: &str) -> Plain {
    (vec![(key.into(), value.into())], body.as_bytes().to_vec())
}

fn error(wire: Wire, stream: &[u8]) -> String {
    let (requests, result) = read_all(&mut reader(wire), stream, &[], 4096);
    assert_eq!(requests, []);
    result.map_or_else(|error| error.to_string(), |()| "nothing".into())
}

const HASH: [u8; 16] = *b"\x86\xaa\xda\xe2\xc4\x54\x74\xc0\xfe\x93\xff\xd0\xf2\x35\x0a\x65";

/// The first request of a Flume client.
fn of_flume() -> Vec<u8> {
    [
        b"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x30".as_slice(),
        &HASH,
        b"\x00",
        &HASH,
        b"\x02\x00\x00\x16appendBatch",
        b"\x00\x00\x00\x1a\x04\x02\x04h1\x04v1\x00\x06one\x02\x04h1\x04v1\x00\x06two\x00",
    ]
    .concat()
}

#[test]
fn the_first_request_of_a_flume_client_is_read() {
    let stream = of_flume();
    let (requests, result) = read_all(&mut reader(Wire::Avro), &stream, &[], 4096);
    assert_eq!(result, Ok(()));
    let handshake = Handshake { client_hash: HASH, client_protocol: None, server_hash: HASH };
    let request = Request {
        serial: 1,
        call: Call::AppendBatch,
        handshake: Some(handshake),
        bytes: stream.len(),
        ..Request::default()
    };
    assert_eq!(requests, [(request, vec![event("h1", "v1", "one"), event("h1", "v1", "two")])]);
}

const A_THRIFT_CALL: &[u8] = b"\x00\x00\x00\x19\x82\x21\x01\x06append\x1c\x1b\x01\x88\x01k\x01v\x18\x03abc\x00\x00";

#[test]
fn a_call_of_flume_s_thrift_client_is_read() {
    let (requests, result) = read_all(&mut reader(Wire::Thrift(Protocol::Compact)), A_THRIFT_CALL, &[], 4096);
    assert_eq!(result, Ok(()));
    let request = Request { serial: 1, call: Call::Append, bytes: A_THRIFT_CALL.len(), ..Request::default() };
    assert_eq!(requests, [(request, vec![event("k", "v", "abc")])]);
}

#[test]
fn what_cannot_be_is_refused_as_soon_as_it_is_known() {
    let avro = |content: &[u8]| {
        let length = 0x000f_ff00_u32.to_be_bytes();
        [&[0, 0, 0, 1, 0, 0, 0, 1], length.as_slice(), &HASH, b"\0", &HASH, b"\0\0", content].concat()
    };
    let thrift = |content: &[u8]| [b"\x00\x00\x01\x00".as_slice(), content].concat();
    let compact = Wire::Thrift(Protocol::Compact);
    let binary = Wire::Thrift(Protocol::Binary);
    let beyond = "a length reaches beyond what a request can have";
    let cases = [
        (Wire::Avro, b"\0\0\0\x01\x7f\0\0\0".to_vec(), "a request is said to have more buffers than it may have bytes"),
        (
            Wire::Avro,
            b"\0\0\0\x01\0\0\0\x01\0\x10\0\x00".to_vec(),
            "a request is said to have more bytes than it may have",
        ),
        (
            Wire::Avro,
            b"\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff".to_vec(),
            "a request is said to have more bytes than it may have",
        ),
        (Wire::Avro, b"\0\0\0\x01\0\0\0\0".to_vec(), "a request ends in the middle"),
        (Wire::Avro, avro(&long(LIMIT, 0)), beyond),
        (Wire::Avro, avro(&[b"\x16appendBatch".as_slice(), &long(LIMIT, 0)].concat()), beyond),
        (Wire::Avro, avro(&[b"\x0cappend".as_slice(), &long(LIMIT, 0)].concat()), beyond),
        (Wire::Avro, avro(&[b"\x0cappend\0".as_slice(), &long(LIMIT, 0)].concat()), beyond),
        (Wire::Avro, avro(b"\x0cappend\0\x01"), "a length is negative"),
        (compact, b"\0\x10\0\0".to_vec(), "a request is said to have more bytes than it may have"),
        (compact, b"\0\0\0\0".to_vec(), "a frame of 0 bytes is no request"),
        (compact, thrift(b"\x80\x01"), "a message does not begin as those of Thrift's compact protocol"),
        (compact, thrift(b"\x82\x41\x01\x06append"), "a message is not a call"),
        (compact, thrift(b"\x82\x21\x01\x06append\x00"), "the argument of a call is missing"),
        (compact, thrift(b"\x82\x21\x01\x06append\x1c\x1b\x00\x00"), "an event has no body"),
        (compact, thrift(b"\x82\x21\x01\x06append\x1c\x28\x00\x00"), "an event has no headers"),
        (compact, thrift(b"\x82\x21\x01\x06append\x1c\x1b\x01\x55\x01\x01\x18\x00\x00"), "headers are not text"),
        (compact, thrift(b"\x82\x21\x01\x0bappendBatch\x19\xfc\x40"), beyond),
        (compact, thrift(b"\x82\x21\x01\x0bappendBatch\x19\x15"), "a batch is not a list of events"),
        (compact, thrift(b"\x82\x21\x01\x0bappendBatch\x19\x0c\x09\x02\x0c"), "an argument comes twice"),
        (compact, thrift(b"\x82\x21\x01\x06append\x1c\x1b\x00\x18\xff\x01"), beyond),
        (compact, thrift(b"\x82\x21\x01\x06append\x2e"), "a type is unknown"),
        (
            compact,
            thrift(&[b"\x82\x21\x01\x06append\x29".as_slice(), &[0x19; 70]].concat()),
            "a value is nested too deep",
        ),
        (binary, thrift(b"\x82\x21\x01\x06"), "a message does not begin as those of Thrift's binary protocol"),
        (binary, thrift(b"\x00\x00\x01\x01"), beyond),
    ];
    for (wire, stream, what) in cases {
        let told = error(wire, &stream);
        assert!(told.starts_with(what), "{stream:02x?}: {told}");
        // Nothing is known one byte earlier.
        let last = stream.len() - 1;
        let early = error(wire, &stream[..last]);
        assert!(early == "nothing" || early == told, "{early}");
    }
}

#[test]
fn a_reader_that_has_failed_reads_nothing_more() {
    let mut reader = reader(Wire::Thrift(Protocol::Compact));
    let (_, first) = read_all(&mut reader, b"\x7f\0\0\0", &[], 64);
    assert!(first.is_err());
    assert_eq!(read_all(&mut reader, A_THRIFT_CALL, &[], 64), (vec![], first));
}

#[test]
fn values_may_be_nested_equally_deep_however_they_are_cut() {
    let mut accepted = vec![];
    for depth in 55..70 {
        let nested = [vec![0x19; depth], vec![0x13, 0]].concat();
        let content = [b"\x82\x21\x01\x06append\x1c\x1b\0\x18\0\x19".as_slice(), &nested, b"\0\0"].concat();
        let stream = [(content.len() as u32).to_be_bytes().to_vec(), content].concat();
        let every: Vec<usize> = (0..stream.len()).collect();
        let [whole, cut] = [vec![], every].map(|cuts| {
            let mut reader = reader(Wire::Thrift(Protocol::Compact));
            read_all(&mut reader, &stream, &cuts, 64).0.len()
        });
        assert_eq!(whole, cut, "{depth}");
        accepted.push(whole == 1);
    }
    assert_eq!([accepted[0], accepted[14]], [true, false]);
}

#[test]
fn a_million_empty_buffers_are_read_without_memory() {
    let mut reader = Reader::new(Wire::Avro, 8 << 20);
    let empty = (0..1_000_000).flat_map(|_| [0; 4]);
    let stream: Vec<u8> = [0, 0, 0, 7].into_iter().chain(1_000_001_u32.to_be_bytes()).chain(empty).collect();
    assert_eq!(read_all(&mut reader, &stream, &[3, 5, 4_000_002], 64), (vec![], Ok(())));
    let rest = [b"\0\0\0\x25".as_slice(), &HASH, b"\0", &HASH, b"\0\0\x00\x00"].concat();
    let (requests, _) = read_all(&mut reader, &rest, &[], 64);
    assert_eq!((requests[0].0.serial, requests[0].0.call), (7, Call::Ping));
    assert!(reader.held() <= 4096);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_large_event_in_tiny_pieces_costs_what_it_costs_in_large_ones() {
    let headers = (0..30_000).flat_map(|index| format!("\x0c{index:06}\x02x").into_bytes());
    let event = [long(30_000, 0), headers.collect(), vec![0], long(LIMIT, 0), vec![b'x'; LIMIT]].concat();
    let content = [b"\0\x0cappend".as_slice(), &event].concat();
    let head = [[0, 0, 0, 1], [0, 0, 0, 1], (content.len() as u32).to_be_bytes()].concat();
    let stream = [head, content].concat();
    let mut reader = Reader::new(Wire::Avro, 4 << 20);
    reader.matched();
    let mut free = vec![0_u64; 1 << 19];
    let free = bytemuck::cast_slice_mut(&mut free);
    for (index, byte) in stream.iter().enumerate() {
        let (progress, _) = reader.read(&[*byte], 0, free, 0).unwrap();
        assert_eq!(progress.outcome == Outcome::Whole, index == stream.len() - 1);
    }
    assert_eq!(&free[..event.len()], &event);
    assert!(reader.held() <= 4096, "what is not needed any more is given back");
}

/// Where to cut a stream: nowhere, anywhere, in equal pieces, and everywhere.
fn cuts_of(stream: &[u8], cuts: &[Index], step: usize) -> [Vec<usize>; 4] {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    let every = |step| (0..stream.len()).step_by(step).collect();
    [vec![], cuts, every(step), every(1)]
}

fn avro_stream(handshake: Option<&Handshake>, sent: &[Sent]) -> (Vec<u8>, Vec<Got>) {
    let messages = sent.iter().enumerate().map(|(index, sent)| sent.avro(handshake.filter(|_| index == 0)));
    let (frames, got): (Vec<_>, Vec<_>) = messages.unzip();
    (frames.concat(), got)
}

fn avro_reader(handshake: Option<&Handshake>) -> Reader {
    let mut reader = reader(Wire::Avro);
    if handshake.is_none() {
        reader.matched();
    }
    reader
}

fn thrift_stream(protocol: Protocol, sent: &[Sent]) -> (Vec<u8>, Vec<Got>) {
    let (frames, got): (Vec<_>, Vec<_>) = sent.iter().map(|sent| sent.thrift(protocol)).unzip();
    (frames.concat(), got)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn avro_requests_are_the_same_however_they_are_cut(
        handshake in handshake(),
        sent in vec(sent(), 1..3),
        cuts in vec(any::<Index>(), 0..12),
        step in 2_usize..100,
        room in 8_usize..600,
    ) {
        let (stream, got) = avro_stream(handshake.as_ref(), &sent);
        for cuts in cuts_of(&stream, &cuts, step) {
            let result = read_all(&mut avro_reader(handshake.as_ref()), &stream, &cuts, room);
            prop_assert_eq!(result, (got.clone(), Ok(())));
        }
    }

    #[test]
    fn thrift_requests_are_the_same_however_they_are_cut(
        sent in vec(sent(), 1..3),
        cuts in vec(any::<Index>(), 0..12),
        step in 2_usize..100,
        room in 8_usize..600,
    ) {
        for protocol in PROTOCOLS {
            let (stream, got) = thrift_stream(protocol, &sent);
            for cuts in cuts_of(&stream, &cuts, step) {
                let result = read_all(&mut reader(Wire::Thrift(protocol)), &stream, &cuts, room);
                prop_assert_eq!(result, (got.clone(), Ok(())));
            }
        }
    }

    #[test]
    fn no_bytes_at_all_make_a_reader_panic_or_take_more_memory_than_a_request_may(
        sent in vec(sent(), 1..3),
        noise in vec(any::<u8>(), 0..200),
        damage in vec((any::<Index>(), any::<u8>()), 0..6),
        cuts in vec(any::<Index>(), 0..12),
        step in 2_usize..100,
        handshake in handshake(),
        limit in 16_usize..3000,
    ) {
        let mut streams = PROTOCOLS.map(|protocol| thrift_stream(protocol, &sent).0).to_vec();
        streams.extend([avro_stream(handshake.as_ref(), &sent).0, noise]);
        for mut stream in streams {
            for (at, byte) in &damage {
                if !stream.is_empty() {
                    *at.get_mut(&mut stream) = *byte;
                }
            }
            for wire in WIRES {
                let results = cuts_of(&stream, &cuts, step).map(|cuts| {
                    let mut reader = Reader::new(wire, limit);
                    if handshake.is_none() {
                        reader.matched();
                    }
                    let (requests, _) = read_all(&mut reader, &stream, &cuts, 64);
                    assert!(reader.held() <= 2 * limit + 4096, "{} bytes", reader.held());
                    requests
                });
                prop_assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{:#?}", results);
            }
        }
    }

    #[test]
    fn events_for_thrift_servers_are_read_back_as_they_were(events in wild()) {
        let plain: Vec<Plain> = events.iter().map(Wild::plain).collect();
        let avro = events.iter().flat_map(Wild::avro).collect::<Vec<_>>();
        let mut scratch = Scratch::new(Size { events: 200, bytes: 1 << 16 });
        let mut space = scratch.space();
        scan_events(&avro, events.len(), &mut space).unwrap();
        for protocol in PROTOCOLS {
            let list = encoded(&space.run(), protocol);
            let count = (events.len() as u32).to_be_bytes();
            let message = match protocol {
                Protocol::Compact => {
                    [b"\x82\x21\x01\x0bappendBatch\x19\xfc".as_slice(), &count[3..], &list, b"\0"].concat()
                }
                Protocol::Binary => {
                    [b"\0\0\0\x0bappendBatch\x01\0\0\0\x01\x0f\0\x01\x0c".as_slice(), &count, &list, b"\0"].concat()
                }
            };
            let stream = [(message.len() as u32).to_be_bytes().to_vec(), message].concat();
            let (requests, result) = read_all(&mut reader(Wire::Thrift(protocol)), &stream, &[], 1 << 16);
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(&requests[0].1, &plain);
        }
        prop_assert_eq!(read(&space.run()), plain);
    }
}

/// What is too small is asked again with as much as was said to be needed, and not written beyond.
fn encoded(run: &Run<'_>, protocol: Protocol) -> Vec<u8> {
    let needed = encode(run, protocol, &mut []);
    let mut target = vec![0; needed];
    assert_eq!(encode(run, protocol, &mut target), needed);
    target
}
