//! The names in one directory.

use std::collections::BTreeMap;

use super::loss::Kept;

/// Which file each name means, by its number.
pub(super) type Names = BTreeMap<String, usize>;

/// A change that the disk may or may not have seen.
#[derive(Clone, Debug)]
struct Change {
    removes: Option<String>,
    adds: Option<(String, usize)>,
    /// A sync that should have written it failed, so no later one will try.
    forgotten: bool,
}

impl Change {
    fn apply(&self, names: &mut Names) {
        if let Some(name) = &self.removes {
            names.remove(name);
        }
        names.extend(self.adds.clone());
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.removes.iter().chain(self.adds.iter().map(|(name, _)| name))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub path: String,
    pub cached: Names,
    durable: Names,
    pending: Vec<Change>,
}

impl Directory {
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Takes a name away, gives one to a file, or both at once.
    pub fn change(&mut self, removes: Option<&str>, adds: Option<(&str, usize)>) {
        let adds = adds.map(|(name, file)| (name.to_owned(), file));
        let change = Change { removes: removes.map(str::to_owned), adds, forgotten: false };
        change.apply(&mut self.cached);
        self.pending.push(change);
    }

    pub fn sync(&mut self) {
        let (mut forgotten, written): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|change| change.forgotten);
        for change in &written {
            change.apply(&mut self.durable);
            forgotten.retain(|old| old.names().all(|name| change.names().all(|it| it != name)));
        }
        self.pending = forgotten;
    }

    /// As with the bytes of a file: programs go on seeing the changes, and no later sync writes them.
    pub fn fail_sync(&mut self) {
        for change in &mut self.pending {
            change.forgotten = true;
        }
    }

    /// How many changes may or may not be on the disk.
    pub fn doubt(&self) -> usize {
        self.pending.len()
    }

    /// The directory as the next boot finds it.
    pub fn settle(&self, kept: Kept, salt: u64) -> Self {
        let mut names = self.durable.clone();
        for (change, index) in self.pending.iter().zip(0..) {
            if kept.keeps(index, self.pending.len() as u64, salt) {
                change.apply(&mut names);
            }
        }
        Self { path: self.path.clone(), cached: names.clone(), durable: names, pending: Vec::new() }
    }
}
