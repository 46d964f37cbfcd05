//! What a crash takes.

use super::{
    content::{PAGE_LEN, Page},
    inode::Version,
};

/// What a crash takes of everything that was not synced. Two runs that stop at the same call with the same pattern leave the same disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossPattern {
    /// Only the process dies: what it wrote is there, synced or not, and may still be lost when the machine stops later.
    Kill {
        /// So many pages of the write that was interrupted are there, if it was a write.
        pages: u16,
    },
    /// The machine stops.
    Power {
        /// In which pieces the disk got what was written.
        grain: Grain,
        /// Which of these pieces, in the order of writing, over all files.
        bytes: Kept,
        /// How long files are that grew.
        growth: Growth,
        /// Which changes of names, in their order, in each directory. [`Kept::First`] is what a journal does.
        names: Kept,
    },
}

/// The pieces in which written bytes reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grain {
    /// All that one call wrote.
    Write,
    /// Pages of 4 KiB, each call's by itself.
    Page,
    /// Sectors of 512 bytes, each call's by itself: writes are torn inside of pages.
    Sector,
}

/// Which of a row of things survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// Only the first so many.
    First(u16),
    /// Only the last so many.
    Last(u16),
    /// All but this one, counted from 0.
    Without(u16),
    /// Every other one, with the first or without.
    Alternating(bool),
    /// Each or not, by this seed and that of the world.
    Random(u16),
}

/// What a file that grew since it was last synced is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Growth {
    /// As long as it was; what was written behind that is gone.
    Lost,
    /// As long as the kept bytes need.
    Reached,
    /// As long as it had become, with zeros in place of what is lost.
    Zeros,
    /// As long as it had become, with noise in place of what is lost.
    Garbage,
    /// As long as it had become, with bytes of another file, perhaps a removed one, in place of what is lost.
    Stale,
}

/// How much a crash now could take: what numbers in [`Kept`] make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Doubt {
    /// Calls that wrote.
    pub writes: u16,
    /// Pages that they wrote.
    pub pages: u16,
    /// Sectors that they wrote.
    pub sectors: u16,
    /// Changes of names, in the directory that has most of them.
    pub names: u16,
    /// Files that grew: only for these [`Growth`] makes a difference.
    pub grown: u16,
}

impl Kept {
    /// Whether the one at `index` of `total` survives; `salt` tells rows of things apart.
    pub(super) fn keeps(self, index: u64, total: u64, salt: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::First(count) => index < u64::from(count),
            Self::Last(count) => index + u64::from(count) >= total,
            Self::Without(one) => index != u64::from(one),
            Self::Alternating(first) => index.is_multiple_of(2) == first,
            Self::Random(seed) => mix(salt ^ mix(index << 16 | u64::from(seed))).is_multiple_of(2),
        }
    }

    /// The sectors that survive of each version, all of them where whole pages do. `versions` are in the order of writing.
    pub(super) fn sectors(self, grain: Grain, versions: &[&Version], salt: u64) -> Vec<u8> {
        let (places, total) = places(grain, versions);
        let keeps = |place| self.keeps(place, total, salt);
        places
            .into_iter()
            .zip(versions)
            .map(|(place, version)| match grain {
                Grain::Write | Grain::Page => u8::from(keeps(place)) * u8::MAX,
                Grain::Sector => {
                    let written = (0..u8::BITS).filter(|sector| version.sectors & (1 << sector) != 0);
                    let kept = written.zip(place..).filter(|(_, place)| keeps(*place));
                    kept.fold(0, |mask, (sector, _)| mask | 1 << sector)
                }
            })
            .collect()
    }
}

impl Doubt {
    pub(super) fn of(versions: &[&Version], names: usize, grown: usize) -> Self {
        let count = |grain| places(grain, versions).1.try_into().unwrap_or(u16::MAX);
        Self {
            writes: count(Grain::Write),
            pages: count(Grain::Page),
            sectors: count(Grain::Sector),
            names: names.try_into().unwrap_or(u16::MAX),
            grown: grown.try_into().unwrap_or(u16::MAX),
        }
    }
}

/// The place of each version's first piece in the row of all pieces, and how many pieces there are.
fn places(grain: Grain, versions: &[&Version]) -> (Vec<u64>, u64) {
    let mut end = 0;
    let mut call = None;
    let mut place_of = |version: &&Version| {
        let same = grain == Grain::Write && call.replace(version.call) == Some(version.call);
        let place = end - u64::from(same);
        end = place + if grain == Grain::Sector { u64::from(version.sectors.count_ones()) } else { 1 };
        place
    };
    let places = versions.iter().map(&mut place_of).collect();
    (places, end)
}

/// Bytes that nobody wrote.
pub(super) fn noise(seed: u64) -> Page {
    let words = (0..PAGE_LEN / 8).map(|word| mix(seed ^ mix(word)).to_le_bytes());
    let mut page = [0; PAGE_LEN as usize];
    for (bytes, word) in page.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word);
    }
    Page::new(page)
}

/// The output function of `SplitMix64`: every bit of the result depends on every bit of `seed`.
pub(super) fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
