//! Any log, damaged in any way, against a model that walks through the records that were written.

use std::{collections::BTreeSet, ops::Range};

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    super::{
        StorageFile,
        build::{Build, Work, Written},
        layout::{Kind, RECORDS_AT},
    },
    tests::{lost, queued, readable, recovered},
    *,
};
use crate::{Error, batch::model::cases, error::Fault};

const LENGTH: u32 = 1 << 16;

/// What a writer does.
#[derive(Debug, Clone)]
enum Step {
    Group(Vec<Try>),
    /// A group whose sync fails: it is void, and a new segment is begun.
    Fail(Vec<Try>),
    Begin,
    Checkpoint,
    /// From now on each group is synced, or none.
    Sync(bool),
}

#[derive(Debug, Clone)]
enum Try {
    Put(u32),
    Ack(Index, u64),
}

/// What happens to a segment on the disk.
#[derive(Debug, Clone)]
enum Harm {
    Flip(Index),
    Zero(Index, usize),
    Garble(Index, usize),
    /// Another place of the same segment is found here.
    Stale(Index, usize, Index),
    Cut(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let work = prop_oneof![3 => (1..5_u32).prop_map(Try::Put), 1 => (any::<Index>(), 1..9_u64).prop_map(|(at, len)| Try::Ack(at, len))];
    let group = vec(work, 1..4);
    prop_oneof![
        12 => group.clone().prop_map(Step::Group),
        1 => group.prop_map(Step::Fail),
        2 => Just(Step::Begin),
        1 => Just(Step::Checkpoint),
        1 => any::<bool>().prop_map(Step::Sync),
    ]
}

fn harm() -> impl Strategy<Value = (Index, Harm)> {
    let len = || prop_oneof![1..100_usize, 1..9000_usize];
    let harm = prop_oneof![
        4 => any::<Index>().prop_map(Harm::Flip),
        2 => (any::<Index>(), len()).prop_map(|(at, len)| Harm::Zero(at, len)),
        2 => (any::<Index>(), len()).prop_map(|(at, len)| Harm::Garble(at, len)),
        1 => (any::<Index>(), len(), any::<Index>()).prop_map(|(at, len, from)| Harm::Stale(at, len, from)),
        1 => any::<Index>().prop_map(Harm::Cut),
    ];
    (any::<Index>(), harm)
}

/// A log, and what its writer knows.
struct Story {
    build: Build,
    /// Records of groups that failed, and their ordinals.
    void: BTreeSet<Position>,
    burnt: BTreeSet<u64>,
    checkpoints: Vec<Told>,
}

/// What a checkpoint tells.
struct Told {
    position: Position,
    next_ordinal: u64,
    taken: BTreeSet<u64>,
}

impl Story {
    fn new(steps: Vec<Step>) -> Self {
        let build = Build::begun(LENGTH);
        let mut story = Self { build, void: BTreeSet::new(), burnt: BTreeSet::new(), checkpoints: Vec::new() };
        for step in steps {
            match step {
                Step::Group(tries) => drop(story.group(&tries)),
                Step::Fail(tries) => story.fail(&tries),
                Step::Begin => story.build.begin(LENGTH),
                Step::Checkpoint => story.write_checkpoint(),
                Step::Sync(syncs) => story.build.syncs = syncs,
            }
        }
        story
    }

    fn group(&mut self, tries: &[Try]) -> Range<usize> {
        let next = self.build.next_ordinal;
        let work = tries.iter().map(|one| match one {
            Try::Put(events) => Work::Put(*events),
            Try::Ack(at, len) => {
                let first = at.index(next as usize + 1) as u64;
                Work::Ack(first..(first + len).min(next))
            }
        });
        let work: Vec<Work> = work.collect();
        if self.build.at + Build::len_of(&work) > LENGTH {
            self.build.begin(LENGTH);
        }
        let first = self.build.records.len();
        self.build.group(&work);
        first..self.build.records.len()
    }

    fn fail(&mut self, tries: &[Try]) {
        let first = self.build.next_ordinal;
        let records = self.group(tries);
        self.void.extend(self.build.records[records.clone()].iter().map(|record| record.at));
        self.burnt.extend(first..self.build.next_ordinal);
        self.build.at = self.build.records[records.start].at.offset;
        self.build.begin(LENGTH);
    }

    fn write_checkpoint(&mut self) {
        self.build.durable.offset = self.build.at;
        let counted = self.build.records.iter().filter(|record| !self.void.contains(&record.at));
        let taken: BTreeSet<u64> = counted.flat_map(taken_by).chain(self.burnt.iter().copied()).collect();
        let mut consumed = Consumed::default();
        for &ordinal in &taken {
            consumed.insert(ordinal, ordinal + 1);
        }
        let written = self.build.checkpoint(consumed);
        self.checkpoints.push(Told { position: written.position, next_ordinal: written.next_ordinal, taken });
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        let read = |number| {
            let file = self.build.open(number);
            let mut bytes = vec![0; file.len().unwrap() as usize];
            file.read_at(0, &mut bytes).unwrap();
            bytes
        };
        (1..=self.build.segment.number).map(read).collect()
    }

    fn harm(&self, segment: Index, harm: &Harm) {
        let number = segment.index(self.build.segment.number as usize) as u64 + 1;
        self.build.damage(number, |bytes| {
            if bytes.is_empty() {
                return;
            }
            let len = bytes.len();
            let part = |at: &Index, len: usize, bytes: &[u8]| {
                let at = at.index(bytes.len());
                at..(at + len).min(bytes.len())
            };
            match harm {
                Harm::Flip(at) => bytes[at.index(len)] ^= 1,
                Harm::Zero(at, len) => {
                    let part = part(at, *len, bytes);
                    bytes[part].fill(0);
                }
                Harm::Garble(at, len) => {
                    let part = part(at, *len, bytes);
                    bytes[part].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(5).wrapping_add(7));
                }
                Harm::Stale(at, len, from) => {
                    let part = part(from, *len, bytes);
                    let to = at.index(bytes.len()).min(bytes.len() - part.len());
                    bytes.copy_within(part, to);
                }
                Harm::Cut(at) => bytes.truncate(at.index(LENGTH as usize)),
            }
        });
    }
}

fn taken_by(record: &Written) -> Range<u64> {
    match &record.work {
        Work::Ack(range) => range.clone(),
        Work::Put(_) => 0..0,
    }
}

/// What is left of a story, by comparing bytes.
struct Left<'a> {
    story: &'a Story,
    before: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
}

/// What recovery should find.
#[derive(Default)]
struct Expected {
    readable: BTreeSet<u64>,
    taken: BTreeSet<u64>,
}

impl Left<'_> {
    fn has(&self, number: u64, bytes: Range<usize>) -> bool {
        let index = number as usize - 1;
        self.after[index].get(bytes.clone()).is_some_and(|after| *after == self.before[index][bytes])
    }

    fn has_header(&self, number: u64) -> bool {
        let index = number as usize - 1;
        let header = &self.before[index][..4096];
        self.after[index][..self.after[index].len().min(8192)].chunks(4096).any(|copy| copy == header)
    }

    fn has_head_of(&self, record: &Written) -> bool {
        let at = record.at.offset as usize;
        let fits = record.header.end(record.at.offset) <= self.after[record.at.segment as usize - 1].len() as u64;
        fits && self.has(record.at.segment, at..at + 64)
    }

    fn has_all_of(&self, record: &Written) -> bool {
        let range = record.at.offset as usize..record.header.end(record.at.offset) as usize;
        self.has(record.at.segment, range)
    }

    fn has_stated_end(&self, number: u64) -> bool {
        (number + 1..=self.story.build.segment.number).any(|later| self.has_header(later))
    }

    /// The newer one of the two that there still are, of which the segment is there.
    fn checkpoint(&self) -> Option<&Told> {
        self.story.checkpoints.iter().rev().take(2).find(|told| self.has_header(told.position.segment))
    }

    fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        let position = self.checkpoint().map_or(Position::default(), |told| told.position);
        if let Some(told) = self.checkpoint() {
            expected.taken.clone_from(&told.taken);
        }
        for number in 1..=self.story.build.segment.number {
            let stated = self.has_stated_end(number);
            let counts =
                |record: &&Written| record.at.segment == number && !(stated && self.story.void.contains(&record.at));
            let records: Vec<&Written> = self.story.build.records.iter().filter(counts).collect();
            let judged = records.iter().position(|record| record.at >= position).unwrap_or(records.len());
            let durable = if number == position.segment { position.offset } else { RECORDS_AT };
            let end = if stated { records.len() } else { self.end(&records, judged, durable) };
            for (index, record) in records.iter().enumerate().take(end).filter(|(_, record)| self.has_all_of(record)) {
                match record.header.kind {
                    Kind::Put => expected.readable.extend(record.header.ordinal..record.header.next_ordinal()),
                    Kind::Ack if index >= judged => expected.taken.extend(taken_by(record)),
                    Kind::Ack => {}
                }
            }
        }
        expected
    }

    /// The index of the first record behind the end of a segment whose end nobody states.
    fn end(&self, records: &[&Written], from: usize, durable: u32) -> usize {
        let mut index = from;
        while let Some(record) = records.get(index) {
            if self.has_all_of(record) {
                index += 1;
                continue;
            }
            let behind = records[index + 1..].iter().filter(|later| self.has_head_of(later));
            let said = behind.map(|later| later.header.durable).filter(|said| said.segment == record.at.segment);
            if record.at.offset >= said.map(|said| said.offset).max().unwrap_or(0).max(durable) {
                return index;
            }
            let next =
                (index + 1..records.len()).find(|&next| self.has_head_of(record) || self.has_head_of(records[next]));
            index = next.unwrap_or(records.len());
        }
        index
    }
}

fn check(steps: Vec<Step>, harms: &[(Index, Harm)]) -> std::result::Result<(), TestCaseError> {
    let story = Story::new(steps);
    let before = story.bytes();
    for (segment, harm) in harms {
        story.harm(*segment, harm);
    }
    let after = story.bytes();
    let left = Left { story: &story, before, after };
    let found = match recovered(&story.build) {
        Err(Error::File { fault: Fault::Damaged, .. }) if !left.has_stated_end(0) => return Ok(()),
        found => found.unwrap(),
    };
    if found.log_id.is_none() {
        prop_assert!(!left.has_stated_end(0), "there are headers");
        return Ok(());
    }
    let expected = left.expected();
    let known = |ordinals: BTreeSet<u64>| ordinals.difference(&story.burnt).copied().collect::<BTreeSet<u64>>();
    prop_assert_eq!(known(readable(&found)), known(expected.readable.clone()));
    let queued = known(queued(&found).into_iter().collect());
    let to_deliver = known(expected.readable.difference(&expected.taken).copied().collect());
    prop_assert!(to_deliver.is_subset(&queued), "not queued: {:?}", to_deliver.difference(&queued));
    // What stands before the checkpoint is not looked at.
    let looked_at = left.checkpoint().map_or(0, |told| told.next_ordinal);
    prop_assert_eq!(queued.range(looked_at..).collect::<Vec<_>>(), to_deliver.range(looked_at..).collect::<Vec<_>>());
    if story.checkpoints.is_empty() {
        let log = found.segments.front().unwrap().first_ordinal..found.segments.back().unwrap().next_ordinal;
        let there =
            |ordinal: &u64| [&expected.readable, &expected.taken, &story.burnt].iter().any(|set| set.contains(ordinal));
        let gone = log.filter(|ordinal| !there(ordinal)).count() as u64;
        // Where nobody can tell any more, an ordinal that was never used counts as lost.
        let told = gone..=gone + story.burnt.len() as u64;
        prop_assert!(told.contains(&lost(&found)), "{} are lost, and told are {:?}", gone, found.findings);
    }
    if left.before == left.after {
        prop_assert_eq!(&found.findings, &[]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_whole_log_is_recovered_whole(steps in vec(step(), 0..40)) {
        check(steps, &[])?;
    }

    #[test]
    fn what_is_not_damaged_is_found_and_what_is_lost_is_counted(steps in vec(step(), 0..40), harms in vec(harm(), 1..4)) {
        check(steps, &harms)?;
    }
}
