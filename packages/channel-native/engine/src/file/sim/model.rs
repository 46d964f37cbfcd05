//! The simulation against the real disk, and its crashes against a naive record of all that was ever there.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{content::SECTOR_LEN, *};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Create { name: usize },
    Open { name: usize },
    Rename { from: usize, to: usize },
    Remove { name: usize },
    SyncNames,
    Write { nth: usize, offset: u64, lens: Vec<usize>, letter: u8 },
    Read { nth: usize, offset: u64, len: usize },
    Sync { nth: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    let offset = || prop_oneof![Just(0), Just(4096), 0..3_u64 * 4096];
    let len = || prop_oneof![Just(0_usize), Just(512), Just(4096), 0..6000_usize];
    prop_oneof![
        2 => name().prop_map(|name| Step::Create { name }),
        1 => name().prop_map(|name| Step::Open { name }),
        1 => (name(), name()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => name().prop_map(|name| Step::Remove { name }),
        1 => Just(Step::SyncNames),
        6 => (any::<usize>(), offset(), prop::collection::vec(len(), 0..3), 1..=200_u8)
            .prop_map(|(nth, offset, lens, letter)| Step::Write { nth, offset, lens, letter }),
        3 => (any::<usize>(), offset(), len()).prop_map(|(nth, offset, len)| Step::Read { nth, offset, len }),
        2 => any::<usize>().prop_map(|nth| Step::Sync { nth }),
    ]
}

/// A program that uses a storage, and what it was told.
struct Program<S: Storage> {
    storage: S,
    files: Vec<S::File>,
}

impl<S: Storage> Program<S> {
    fn new(storage: S) -> Self {
        Self { storage, files: Vec::new() }
    }

    fn act(&mut self, step: &Step) -> Result<Vec<u8>, io::ErrorKind> {
        self.try_to(step).map_err(|error| error.kind())
    }

    fn try_to(&mut self, step: &Step) -> io::Result<Vec<u8>> {
        let (storage, files) = (&self.storage, &self.files);
        let file = |nth: usize| files.get(nth % files.len().max(1)).ok_or(io::Error::from(io::ErrorKind::NotConnected));
        match *step {
            Step::Create { name } => self.files.push(storage.create(NAMES[name])?),
            Step::Open { name } => self.files.push(storage.open(NAMES[name])?),
            Step::Rename { from, to } => storage.rename(NAMES[from], NAMES[to])?,
            Step::Remove { name } => storage.remove(NAMES[name])?,
            Step::SyncNames => storage.sync_names()?,
            Step::Write { nth, offset, ref lens, letter } => {
                let pieces: Vec<_> = (letter..).zip(lens).map(|(letter, len)| vec![letter; *len]).collect();
                file(nth)?.write_at(offset, &mut pieces.iter().map(|piece| IoSlice::new(piece)).collect::<Vec<_>>())?;
            }
            Step::Read { nth, offset, len } => {
                let mut buffer = vec![9; len];
                file(nth)?.read_at(offset, &mut buffer)?;
                return Ok(buffer);
            }
            Step::Sync { nth } => file(nth)?.sync()?,
        }
        Ok(Vec::new())
    }

    /// All names, and what their files hold.
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let of = |name: String| (name.clone(), contents(&self.storage.open(&name).unwrap()));
        self.storage.list().unwrap().into_iter().map(of).collect()
    }
}

fn contents(file: &impl StorageFile) -> Vec<u8> {
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// All that the disk may show of what a [`Program`] did: every state since the last sync, the durable one first.
#[derive(Default)]
struct Record {
    /// Of each file: its bytes.
    bytes: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Of the directory: which file each name means.
    names: Vec<BTreeMap<String, usize>>,
}

impl Record {
    /// Looks at the world after a step.
    fn look(&mut self, program: &Program<SimDisk>, step: &Step) {
        for file in &program.files {
            let states = self.bytes.entry(file.file).or_insert_with(|| vec![Vec::new()]);
            states.push(contents(file));
        }
        if let Step::Sync { nth } = step {
            let states = self.bytes.get_mut(&program.files[nth % program.files.len()].file).unwrap();
            states.drain(..states.len() - 1);
        }
        let name = |name: String| (name.clone(), program.storage.open(&name).unwrap().file);
        self.names.push(program.storage.list().unwrap().into_iter().map(name).collect());
        if matches!(step, Step::SyncNames) {
            self.names.drain(..self.names.len() - 1);
        }
    }

    /// Whether the disk may show this under this name.
    fn explains(&self, name: &str, found: Option<&Vec<u8>>) -> bool {
        let meant: BTreeSet<_> = self.names.iter().map(|names| names.get(name)).collect();
        match found {
            None => meant.contains(&None),
            Some(found) => meant.into_iter().flatten().any(|file| Self::shows(&self.bytes[file], found)),
        }
    }

    /// Whether each sector is as it was in one of the states.
    fn shows(states: &[Vec<u8>], found: &[u8]) -> bool {
        let last = states.last().unwrap();
        let sectors = found.chunks(SECTOR_LEN as usize).zip((0..).step_by(SECTOR_LEN as usize));
        let was = |state: &[u8], sector: &[u8], at: usize| {
            (at..).zip(sector).all(|(at, byte)| *byte == state.get(at).copied().unwrap_or(0))
        };
        (states[0].len()..=last.len()).contains(&found.len()) && { sectors }
            .all(|(sector, at)| states.iter().any(|state| was(state, sector, at)))
    }
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![
        Just(Kept::Nothing),
        Just(Kept::Everything),
        (0..20_u16).prop_map(Kept::First),
        (0..20_u16).prop_map(Kept::Last),
        (0..20_u16).prop_map(Kept::Without),
        any::<bool>().prop_map(Kept::Alternating),
        any::<u16>().prop_map(Kept::Random),
    ]
}

fn loss() -> impl Strategy<Value = LossPattern> {
    let grain = prop::sample::select(vec![Grain::Write, Grain::Page, Grain::Sector]);
    let growth = prop::sample::select(vec![Growth::Lost, Growth::Reached, Growth::Zeros]);
    (grain, kept(), growth, kept()).prop_map(|(grain, bytes, growth, names)| LossPattern::Power {
        grain,
        bytes,
        growth,
        names,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn without_crashes_it_does_what_the_real_disk_does(steps in prop::collection::vec(step(), 1..60)) {
        let scratch = tempfile::tempdir().unwrap();
        let mut real = Program::new(crate::file::Disk::open(scratch.path()).unwrap());
        let mut simulated = Program::new(World::new(1).directory("d"));
        for step in &steps {
            prop_assert_eq!(simulated.act(step), real.act(step), "{:?}", step);
        }
        prop_assert_eq!(simulated.contents(), real.contents());
    }

    #[test]
    fn a_crash_leaves_only_what_was_there_since_the_last_sync(
        steps in prop::collection::vec(step(), 1..40),
        losses in prop::collection::vec(loss(), 30),
    ) {
        let world = World::new(1);
        let mut program = Program::new(world.directory("d"));
        let mut record = Record { names: vec![BTreeMap::new()], ..Record::default() };
        for step in &steps {
            if program.act(step).is_ok() {
                record.look(&program, step);
            }
        }
        for loss in losses {
            let after = Program::new(world.after_crash(loss).directory("d")).contents();
            for name in NAMES {
                prop_assert!(record.explains(name, after.get(name)), "{:?} {}", loss, name);
            }
        }
        for growth in [Growth::Reached, Growth::Zeros, Growth::Garbage, Growth::Stale] {
            let (bytes, names) = (Kept::Everything, Kept::Everything);
            let everything = LossPattern::Power { grain: Grain::Sector, bytes, growth, names };
            let after = Program::new(world.after_crash(everything).directory("d"));
            prop_assert_eq!(after.contents(), program.contents());
        }
        let killed = Program::new(world.after_crash(LossPattern::Kill { pages: 0 }).directory("d"));
        prop_assert_eq!(killed.contents(), program.contents());
    }
}
