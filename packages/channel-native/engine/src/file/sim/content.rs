//! The bytes of a file, in pages that copies share until one of them writes.

use std::{ops::Range, sync::Arc};

/// What the cache reads, writes and marks dirty.
pub(super) const PAGE_LEN: u64 = 4096;
/// What a disk writes whole or not at all.
pub(super) const SECTOR_LEN: u64 = 512;

pub(super) type Page = Arc<[u8; PAGE_LEN as usize]>;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// A page that was never written is a hole: it reads as zeros and takes no space.
    pages: Vec<Option<Page>>,
    len: u64,
}

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        content.write(0, bytes);
        content
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of the pages that are not holes.
    pub fn allocated(&self) -> u64 {
        self.pages.iter().flatten().count() as u64 * PAGE_LEN
    }

    pub fn page(&self, page: u64) -> Option<&Page> {
        self.pages.get(page as usize)?.as_ref()
    }

    /// The bytes of a page, which is a hole no longer.
    pub fn page_mut(&mut self, page: u64) -> &mut [u8; PAGE_LEN as usize] {
        Arc::make_mut(self.slot(page).get_or_insert_with(|| Arc::new([0; PAGE_LEN as usize])))
    }

    pub fn put_page(&mut self, page: u64, bytes: Page) {
        *self.slot(page) = Some(bytes);
    }

    /// Cuts the file, or adds a hole at its end.
    pub fn set_len(&mut self, len: u64) {
        self.pages.truncate(len.div_ceil(PAGE_LEN) as usize);
        let tail = (len % PAGE_LEN) as usize;
        if tail > 0 && self.page(len / PAGE_LEN).is_some() {
            self.page_mut(len / PAGE_LEN)[tail..].fill(0);
        }
        self.len = len;
    }

    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        for (page, within, part) in parts(offset, bytes.len()) {
            self.page_mut(page)[within].copy_from_slice(&bytes[part]);
        }
        self.len = self.len.max(offset + bytes.len() as u64);
    }

    /// Fills `buffer`, or is false when the file ends before.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        if !buffer.is_empty() && offset.saturating_add(buffer.len() as u64) > self.len {
            return false;
        }
        for (page, within, part) in parts(offset, buffer.len()) {
            match self.page(page) {
                Some(bytes) => buffer[part].copy_from_slice(&bytes[within]),
                None => buffer[part].fill(0),
            }
        }
        true
    }

    fn slot(&mut self, page: u64) -> &mut Option<Page> {
        let page = page as usize;
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        &mut self.pages[page]
    }
}

/// The pages that `len` bytes at `offset` touch: number, bytes of the page, and which of the `len` bytes these are.
pub(super) fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, Range<usize>, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = (at % PAGE_LEN) as usize;
        let count = (len - done).min(PAGE_LEN as usize - start);
        let part = done..done + count;
        done += count;
        (count > 0).then_some((at / PAGE_LEN, start..start + count, part))
    })
}
