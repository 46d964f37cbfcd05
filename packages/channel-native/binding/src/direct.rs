//! Requests that native code puts and answers by itself.

use millrace_engine::{
    channel::{Grant, Waiter},
    registry,
    wire::{Answer, Gathered, Gatherer},
};
use napi::bindgen_prelude::{Float64Array, Uint8Array};
use napi_derive::napi;

use crate::{channels::whole, wire::wire_of};

const ENOUGH_BYTES: usize = 32 << 10;

/// Where requests go, and what is said of them.
#[napi(object)]
pub struct DirectOptions {
    /// As of `openWire`.
    pub protocol: u32,
    /// The longest request.
    pub request_bytes_max: f64,
    /// A memory channel, who puts into it, and the most events of a transaction.
    pub channel: u32,
    pub owner: u32,
    pub transaction_capacity: u32,
    /// Counters that grow by the events, by the requests of one event, and by those of many. They belong to this thread.
    pub events: Vec<Float64Array>,
    pub appends: Vec<Float64Array>,
    pub batches: Vec<Float64Array>,
    /// The answers to both kinds of requests that were put: what stands in front of the serial, and behind it.
    pub append_answer: Vec<Uint8Array>,
    pub batch_answer: Vec<Uint8Array>,
}

/// A piece of a socket whose requests were gathered.
struct Held {
    socket: u32,
    /// Its place among what this turn has brought.
    row: usize,
    gathered: Gathered,
}

/// Gathers the requests of a turn and puts them as one, or as few as the transaction capacity allows. What it cannot put now it leaves alone:
/// then it is as if nobody had looked at it.
pub struct Direct {
    gatherer: Gatherer,
    channel: u32,
    owner: u32,
    transaction_capacity: usize,
    events: Vec<Float64Array>,
    appends: Vec<Float64Array>,
    batches: Vec<Float64Array>,
    held: Vec<Held>,
}

impl Direct {
    pub fn new(options: DirectOptions) -> Self {
        let [append, batch] = [&options.append_answer, &options.batch_answer].map(|parts| answer_of(parts));
        let bytes_max = whole(options.request_bytes_max) as usize;
        let DirectOptions { channel, owner, events, appends, batches, .. } = options;
        Self {
            gatherer: Gatherer::new(wire_of(options.protocol), bytes_max, append, batch),
            channel,
            owner,
            transaction_capacity: options.transaction_capacity as usize,
            events,
            appends,
            batches,
            held: Vec::new(),
        }
    }

    /// Answers whether all of a piece are requests that it can put by itself, as one transaction.
    pub fn gather(&mut self, socket: u32, row: usize, piece: &[u8]) -> bool {
        let Some(gathered) = self.gatherer.add(piece, self.transaction_capacity) else { return false };
        self.held.push(Held { socket, row, gathered });
        true
    }

    /// Whether so much was gathered that more would save nothing, and make the first wait for the last.
    pub const fn has_enough(&self) -> bool {
        self.gatherer.bytes() >= ENOUGH_BYTES
    }

    /// Puts what was gathered. Answers with the sockets, rows and answers of what the channel has; once it has refused, nothing more is tried.
    pub fn settle(&mut self, mut put: impl FnMut(u32, usize, &[u8])) {
        let mut first = 0;
        let mut held = self.held.as_slice();
        while !held.is_empty() {
            let (together, events) = transaction(held, self.transaction_capacity);
            let run = self.gatherer.run().slice(first..first + events);
            let waiter = Waiter { owner: self.owner, token: 0 };
            let granted = registry::with_channel_for(waiter.owner, self.channel, |channel| {
                channel.put(waiter, &run, None, registry::now_ms())
            });
            if !matches!(granted, Ok(Grant::Now(_))) {
                break;
            }
            let (taken, rest) = held.split_at(together);
            for Held { socket, row, gathered } in taken {
                put(*socket, *row, self.gatherer.answers(gathered.answers.clone()));
            }
            let sum = |of: fn(&Gathered) -> usize| taken.iter().map(|held| of(&held.gathered)).sum();
            add(&mut self.events, events);
            add(&mut self.appends, sum(|gathered| gathered.appends));
            add(&mut self.batches, sum(|gathered| gathered.batches));
            first += events;
            held = rest;
        }
        self.held.clear();
        self.gatherer.clear();
    }
}

/// How many pieces, of which each has at most so many events, have together not more, and how many these are.
fn transaction(held: &[Held], capacity: usize) -> (usize, usize) {
    let mut events = 0;
    for (index, Held { gathered, .. }) in held.iter().enumerate() {
        if events + gathered.events > capacity {
            return (index, events);
        }
        events += gathered.events;
    }
    (held.len(), events)
}

fn add(counters: &mut [Float64Array], number: usize) {
    for counter in counters {
        // SAFETY: counters belong to the calling thread, which does not look at them now.
        if let Some(cell) = unsafe { counter.as_mut() }.first_mut() {
            *cell += number as f64;
        }
    }
}

fn answer_of(parts: &[Uint8Array]) -> Answer {
    let part = |index: usize| parts.get(index).map(|bytes| bytes.to_vec()).unwrap_or_default();
    Answer { before: part(0), behind: part(1) }
}
