//! One file: what programs see, what the disk has, and what is on its way between the two.

use std::ops::Range;

use super::{
    content::{Content, PAGE_LEN, Page, SECTOR_LEN, parts},
    loss::Growth,
};

/// What a write left of one page in the cache.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// The call that wrote it.
    pub call: u64,
    pub page: u64,
    bytes: Page,
    /// The sectors that the call wrote to, a bit each. The disk gets the whole page, or some of its sectors.
    pub sectors: u8,
    /// How long the file was then.
    len: u64,
    /// A sync that should have written it failed, so no later one will try.
    forgotten: bool,
}

impl Version {
    /// End of what the disk has of the file, if it has these sectors.
    fn reach(&self, sectors: u8) -> u64 {
        let beyond = u64::from(u8::BITS - sectors.leading_zeros());
        self.len.min(self.page * PAGE_LEN + beyond * SECTOR_LEN)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub cached: Content,
    durable: Content,
    /// What may or may not be on the disk, in the order of writing.
    pub pending: Vec<Version>,
}

impl Inode {
    /// A file that is on the disk.
    pub fn durable(content: Content) -> Self {
        Self { cached: content.clone(), durable: content, pending: Vec::new() }
    }

    pub fn write(&mut self, call: u64, offset: u64, bytes: &[u8]) {
        self.cached.write(offset, bytes);
        for (page, within, _) in parts(offset, bytes.len()) {
            let sector = SECTOR_LEN as usize;
            let sectors = (within.start / sector..within.end.div_ceil(sector)).fold(0, |mask, bit| mask | 1 << bit);
            let bytes = self.cached.page(page).expect("a page that was just written").clone();
            self.pending.push(Version { call, page, bytes, sectors, len: self.cached.len(), forgotten: false });
        }
    }

    /// Whether it is longer than the disk knows.
    pub fn has_grown(&self) -> bool {
        self.cached.len() > self.durable.len()
    }

    pub fn sync(&mut self) {
        let (forgotten, written): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|version| version.forgotten);
        for version in &written {
            self.durable.put_page(version.page, version.bytes.clone());
        }
        // A page that was written to again goes to the disk whole, with what had been forgotten.
        self.pending.extend(forgotten.into_iter().filter(|old| written.iter().all(|new| new.page != old.page)));
        self.durable.set_len(self.cached.len());
    }

    /// As Linux does: the pages keep their bytes and count as clean.
    pub fn fail_sync(&mut self) {
        for version in &mut self.pending {
            version.forgotten = true;
        }
    }

    /// Takes back all but the first pages of the last write, before which the cache was as `before`.
    pub fn shorten(&mut self, before: &Content, call: u64, pages: usize) {
        let first = self.pending.partition_point(|version| version.call < call);
        self.pending.truncate(first.saturating_add(pages));
        self.cached = before.clone();
        for version in &self.pending[first..] {
            self.cached.put_page(version.page, version.bytes.clone());
            self.cached.set_len(self.cached.len().max(version.reach(u8::MAX)));
        }
    }

    /// What the disk has when of each pending version it has the sectors in `kept`. Where the file is longer than before,
    /// `stale` says what the disk shows of a page that was not written.
    pub fn settle(&self, kept: &[u8], growth: Growth, stale: impl Fn(u64) -> Page) -> Content {
        let mut content = self.durable.clone();
        let grown = self.pending.iter().filter(|version| (version.page + 1) * PAGE_LEN > self.durable.len());
        if matches!(growth, Growth::Garbage | Growth::Stale) {
            for version in grown {
                let old = self.durable.len().saturating_sub(version.page * PAGE_LEN) as usize;
                let (page, bytes) = (content.page_mut(version.page), stale(version.page));
                for Range { start, end } in ranges(version.sectors).filter(|sector| sector.end > old) {
                    page[start.max(old)..end].copy_from_slice(&bytes[start.max(old)..end]);
                }
            }
        }
        let mut reached = self.durable.len();
        for (version, &sectors) in self.pending.iter().zip(kept).filter(|(_, sectors)| **sectors != 0) {
            reached = reached.max(version.reach(sectors));
            if sectors == u8::MAX {
                content.put_page(version.page, version.bytes.clone());
                continue;
            }
            let page = content.page_mut(version.page);
            for sector in ranges(sectors) {
                page[sector.clone()].copy_from_slice(&version.bytes[sector]);
            }
        }
        content.set_len(match growth {
            Growth::Lost => self.durable.len(),
            Growth::Reached => reached,
            Growth::Zeros | Growth::Garbage | Growth::Stale => self.cached.len(),
        });
        content
    }
}

/// The bytes of a page that these sectors are.
fn ranges(sectors: u8) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..PAGE_LEN as usize).step_by(SECTOR_LEN as usize).enumerate();
    starts.filter(move |(bit, _)| sectors & (1 << bit) != 0).map(|(_, start)| start..start + SECTOR_LEN as usize)
}
