//! The channel against a naive model: one list of events in the order of publication, and who has which.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::{
    tests::{Scratch, ids_of, limits, need_of, with_run},
    *,
};

#[derive(Clone, Debug)]
enum Step {
    Reserve { owner: u32, events: u32, len: usize, wait: Option<u64> },
    Put { owner: u32, events: u32, len: usize },
    Publish { nth: usize, part: bool },
    Void { nth: usize },
    Take { owner: u32, max: u32, min: u32, linger: Option<u64>, wait: bool },
    Commit { nth: usize },
    Rollback { nth: usize },
    Cancel { nth: usize },
    Pass { ms: u64 },
    Reclaim { owner: u32 },
}

const OWNERS: u32 = 4;

fn step() -> impl Strategy<Value = Step> {
    let owner = 0..OWNERS;
    let short = prop_oneof![4 => 8_usize..200, 1 => 20_000_usize..70_000];
    prop_oneof![
        3 => (owner.clone(), 1_u32..12, 8_usize..200).prop_map(|(owner, events, len)| Step::Put { owner, events, len }),
        6 => (owner.clone(), 1_u32..12, short, prop::option::of(0_u64..50))
            .prop_map(|(owner, events, len, wait)| Step::Reserve { owner, events, len, wait }),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1))
            .prop_map(|(nth, part)| Step::Publish { nth: nth.index(1 << 16), part }),
        1 => (0_usize..8).prop_map(|nth| Step::Void { nth }),
        6 => (owner.clone(), 1_u32..12, 1_u32..12, prop::option::of(0_u64..30), any::<bool>())
            .prop_map(|(owner, max, min, linger, wait)| Step::Take { owner, max, min, linger, wait }),
        4 => (0_usize..8).prop_map(|nth| Step::Commit { nth }),
        3 => (0_usize..8).prop_map(|nth| Step::Rollback { nth }),
        1 => (0_usize..8).prop_map(|nth| Step::Cancel { nth }),
        2 => (0_u64..20).prop_map(|ms| Step::Pass { ms }),
        1 => owner.prop_map(|owner| Step::Reclaim { owner }),
    ]
}

#[derive(Debug)]
struct Waiting {
    who: Waiter,
    put: Option<(u32, usize)>,
    max: u32,
}

/// What should be so.
#[derive(Default)]
struct Model {
    now_ms: u64,
    next_id: u64,
    next_token: u32,
    /// Generation of each owner slot: a reclaimed owner comes back under a new number.
    lives: [u32; OWNERS as usize],
    /// Queued ids in the order of publication.
    queued: Vec<(u64, u64)>,
    next_position: u64,
    positions: BTreeMap<u64, u64>,
    /// handle → owner, events, body length
    reservations: Vec<(u64, u32, u32, usize)>,
    /// handle → owner, ids
    leases: Vec<(u64, u32, Vec<u64>)>,
    waits: VecDeque<Waiting>,
    counters: Counters,
}

impl Model {
    fn owner(&self, slot: u32) -> u32 {
        slot + OWNERS * self.lives[slot as usize]
    }

    fn granted_lease(&mut self, scratch: &Scratch, owner: u32, handle: u64, max: u32) {
        let ids = scratch.channel.read(owner, handle, ids_of).unwrap();
        assert!(!ids.is_empty() && ids.len() <= max as usize);
        let oldest: Vec<u64> = self.queued.iter().take(ids.len()).map(|(_, id)| *id).collect();
        assert_eq!(ids, oldest, "a lease is the oldest of what is queued, in order");
        self.queued.drain(..ids.len());
        self.counters.queued -= ids.len() as u64;
        self.counters.leased += ids.len() as u64;
        self.counters.taken += ids.len() as u64;
        self.leases.push((handle, owner, ids));
    }

    fn granted_room(&mut self, owner: u32, handle: u64, (events, len): (u32, usize)) {
        self.counters.reserved += u64::from(events);
        self.reservations.push((handle, owner, events, len));
    }

    fn published(&mut self, ids: &[u64]) {
        self.next_id += ids.len() as u64;
        self.counters.queued += ids.len() as u64;
        for id in ids {
            self.next_position += 1;
            self.positions.insert(*id, self.next_position);
            self.queued.push((self.next_position, *id));
        }
    }

    fn give_back(&mut self, ids: &[u64]) {
        self.counters.leased -= ids.len() as u64;
        self.counters.queued += ids.len() as u64;
        for id in ids {
            let place = (self.positions[id], *id);
            let at = self.queued.partition_point(|it| *it < place);
            self.queued.insert(at, place);
        }
    }

    /// Everything the channel said since the last time must be about somebody who waited.
    fn hear(&mut self, scratch: &Scratch) {
        for (owner, Completion { token, result }) in scratch.take_completions() {
            let who = Waiter { owner, token };
            let at = self.waits.iter().position(|it| it.who == who).expect("an answer to nobody");
            if self.waits[at].put.is_some() && result.is_ok() {
                let earlier = self.waits.iter().take(at).any(|it| it.put.is_some());
                assert!(!earlier, "a later put overtook an earlier one");
            }
            let wait = self.waits.remove(at).unwrap();
            match (wait.put, result) {
                (Some(put), Ok(handle)) => self.granted_room(owner, handle, put),
                (Some((events, _)), Err(Error::Full(_))) => self.counters.refused += u64::from(events),
                (None, Ok(handle)) => self.granted_lease(scratch, owner, handle, wait.max),
                (_, other) => panic!("{wait:?} was answered with {other:?}"),
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    fn act(&mut self, scratch: &Scratch, step: &Step) {
        let channel = &scratch.channel;
        self.next_token += 1;
        let token = self.next_token;
        match *step {
            Step::Reserve { owner, events, len, wait } => {
                let who = Waiter { owner: self.owner(owner), token };
                let need = with_run(&vec![0; events as usize], len, need_of);
                let blocked = self.waits.iter().any(|it| it.put.is_some());
                match channel.reserve(who, need, wait.map(|ms| self.now_ms + ms), self.now_ms) {
                    Ok(Grant::Now(handle)) => {
                        assert!(!blocked, "a put overtook one that waits");
                        self.granted_room(who.owner, handle, (events, len));
                    }
                    Ok(Grant::Later) => {
                        self.waits.push_back(Waiting { who, put: Some((events, len)), max: 0 });
                    }
                    Err(Error::Full(_)) => assert!(wait.is_none()),
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Put { owner, events, len } => {
                let who = Waiter { owner: self.owner(owner), token };
                let blocked = self.waits.iter().any(|it| it.put.is_some());
                let ids: Vec<u64> = (self.next_id..).take(events as usize).collect();
                match with_run(&ids, len, |run| channel.put(who, run, None, self.now_ms)) {
                    Ok(_) => {
                        assert!(!blocked, "a put overtook one that waits");
                        self.counters.put += u64::from(events);
                        self.published(&ids);
                    }
                    Err(Error::Full(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Publish { nth, part } if !self.reservations.is_empty() => {
                let (handle, owner, events, len) = self.reservations.remove(nth % self.reservations.len());
                let filled = if part { events / 2 } else { events };
                let ids: Vec<u64> = (self.next_id..).take(filled as usize).collect();
                if filled > 0 {
                    with_run(&ids, len, |run| channel.fill(owner, handle, run)).unwrap();
                }
                channel.publish(owner, handle, self.now_ms).unwrap();
                self.counters.reserved -= u64::from(events);
                self.counters.put += u64::from(filled);
                self.published(&ids);
            }
            Step::Void { nth } if !self.reservations.is_empty() => {
                let (handle, owner, events, _) = self.reservations.remove(nth % self.reservations.len());
                channel.void(owner, handle, self.now_ms).unwrap();
                self.counters.reserved -= u64::from(events);
                self.counters.voided += u64::from(events);
            }
            Step::Take { owner, max, min, linger, wait } => {
                let who = Waiter { owner: self.owner(owner), token };
                let wish = Wish { max, min, linger_ms: linger };
                match channel.take(who, wish, wait, self.now_ms).unwrap() {
                    Some(Grant::Now(handle)) => self.granted_lease(scratch, who.owner, handle, max),
                    Some(Grant::Later) => {
                        assert!(self.queued.len() < min.min(max) as usize, "enough is queued");
                        self.waits.push_back(Waiting { who, put: None, max });
                    }
                    None => assert!(!wait),
                }
            }
            Step::Commit { nth } if !self.leases.is_empty() => {
                let (handle, owner, ids) = self.leases.remove(nth % self.leases.len());
                assert_eq!(channel.read(owner, handle, ids_of).unwrap(), ids, "a lease changed under its owner");
                channel.commit(Waiter { owner, token: 0 }, handle, self.now_ms).unwrap();
                self.counters.leased -= ids.len() as u64;
                self.counters.committed += ids.len() as u64;
                assert_eq!(channel.commit(Waiter { owner, token: 0 }, handle, self.now_ms), Err(Error::Stale));
            }
            Step::Rollback { nth } if !self.leases.is_empty() => {
                let (handle, owner, ids) = self.leases.remove(nth % self.leases.len());
                channel.rollback(owner, handle, self.now_ms).unwrap();
                self.counters.rolled_back += ids.len() as u64;
                self.give_back(&ids);
            }
            Step::Cancel { nth } if !self.waits.is_empty() => {
                let at = nth % self.waits.len();
                let who = self.waits[at].who;
                assert!(channel.cancel(who).unwrap(), "nothing was said to it, so it still waits");
                self.waits.remove(at);
                assert!(!channel.cancel(who).unwrap());
            }
            Step::Pass { ms } => {
                self.now_ms += ms;
                channel.expire(self.now_ms).unwrap();
            }
            Step::Reclaim { owner } => {
                let gone = self.owner(owner);
                self.lives[owner as usize] += 1;
                self.waits.retain(|it| it.who.owner != gone);
                channel.reclaim(gone, self.now_ms).unwrap();
                for (.., events, _) in self.reservations.extract_if(.., |it| it.1 == gone) {
                    self.counters.reserved -= u64::from(events);
                    self.counters.voided += u64::from(events);
                }
                for (.., ids) in self.leases.extract_if(.., |it| it.1 == gone).collect::<Vec<_>>() {
                    self.counters.reclaimed += ids.len() as u64;
                    self.give_back(&ids);
                }
            }
            _ => {}
        }
        self.hear(scratch);
    }

    fn check(&self, scratch: &Scratch, limits: &Limits) {
        let counters = scratch.channel.counters(self.now_ms).unwrap();
        let expected = Counters { queued_bytes: counters.queued_bytes, oldest_ms: counters.oldest_ms, ..self.counters };
        assert_eq!(counters, expected);
        assert_eq!(counters.put, counters.committed + counters.queued + counters.leased, "the law");
        assert!(counters.queued + counters.leased + counters.reserved <= u64::from(limits.capacity));
        assert_eq!(counters.queued_bytes == 0, counters.queued == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 1_000 }, ..ProptestConfig::default() })]

    #[test]
    fn the_channel_does_what_a_list_would(
        steps in prop::collection::vec(step(), 1..if cfg!(miri) { 40 } else { 150 }),
        capacity in 12_u32..60,
        slots in prop_oneof![Just(1_u64 << 30), 8_500_u64..12_000],
    ) {
        let limits = Limits { slots, ..limits(capacity, 12) };
        let scratch = Scratch::new(limits);
        let mut model = Model::default();
        for step in &steps {
            model.act(&scratch, step);
            model.check(&scratch, &limits);
        }

        // At rest: who had something open dies, waits end, and what is left comes out in order.
        for owner in 0..OWNERS {
            model.act(&scratch, &Step::Reclaim { owner });
        }
        model.act(&scratch, &Step::Pass { ms: 1_000 });
        while !model.queued.is_empty() {
            model.act(&scratch, &Step::Take { owner: 0, max: 12, min: 1, linger: None, wait: false });
            model.act(&scratch, &Step::Commit { nth: 0 });
        }
        model.check(&scratch, &limits);
        prop_assert_eq!(model.counters.put, model.counters.committed);
        prop_assert!(model.waits.is_empty());
        // Nothing leaked: as much fits as into an empty channel.
        let who = Waiter { owner: 1_000, token: 0 };
        let need = Need { events: 12, bytes: 200_000, slots: 12 };
        prop_assert!(scratch.channel.reserve(who, need, None, 0).is_ok());
    }
}
