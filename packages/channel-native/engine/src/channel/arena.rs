//! Which parts of the chunks are in use: bookkeeping only, no byte is touched here.

/// A place for `events` and their bytes that nobody else has: entries from `first`, bytes from `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub chunk: u32,
    pub first: u32,
    pub start: u32,
}

/// Bytes that an event takes in the table of its block.
const ENTRY_LEN: u64 = 8;

#[derive(Clone, Debug)]
struct Chunk {
    /// Events reserved, queued or leased in this block; while there is one, no byte of it is used again.
    live: u32,
    /// End of the bytes handed out, from the front.
    fill: u32,
    /// Entries handed out, from the back.
    entries: u32,
    /// Neighbours, itself included, that form one block with this chunk.
    span: u32,
    free: bool,
    /// Written to since its pages were last given back.
    touched: bool,
}

/// The chunks of one channel. See `docs/design/memory-channel.md`.
#[derive(Debug)]
pub(super) struct Arena {
    chunk_len: u32,
    chunks: Vec<Chunk>,
    /// Free chunks; the one freed last is used next, because it is still in the cache.
    free: Vec<u32>,
    open: Option<u32>,
}

impl Arena {
    pub fn new(chunk_len: u32, chunks: u32) -> Self {
        let chunk = Chunk { live: 0, fill: 0, entries: 0, span: 1, free: true, touched: false };
        Self { chunk_len, chunks: vec![chunk; chunks as usize], free: (0..chunks).rev().collect(), open: None }
    }

    /// Whether a transaction of this size fits an empty channel.
    pub fn can_ever(&self, events: u32, bytes: u64) -> bool {
        bytes + u64::from(events) * ENTRY_LEN <= self.block_limit()
    }

    /// Bytes of the largest transaction, its table included.
    pub fn block_limit(&self) -> u64 {
        (self.chunks.len() as u64 * u64::from(self.chunk_len)).min((1 << 32) - u64::from(self.chunk_len))
    }

    /// Cuts a region for `events` events of `bytes` bytes in all, or `None` when there is no room now.
    pub fn reserve(&mut self, events: u32, bytes: u64) -> Option<Region> {
        let chunk = self.open_for(bytes + u64::from(events) * ENTRY_LEN)?;
        let it = &mut self.chunks[chunk as usize];
        let region = Region { chunk, first: it.entries, start: it.fill };
        it.entries += events;
        it.fill += bytes as u32;
        it.live += events;
        Some(region)
    }

    /// Gives the end of a region, from entry `first` and byte `start`, back unused. Where nothing was cut behind it, it is free again at once.
    pub fn cancel(&mut self, rest: Region, events: u32, bytes: u32) {
        let it = &mut self.chunks[rest.chunk as usize];
        if rest.first + events == it.entries && rest.start + bytes == it.fill {
            it.entries = rest.first;
            it.fill = rest.start;
        }
        self.release(rest.chunk, events);
    }

    /// Gives `events` events of a block back.
    pub fn release(&mut self, chunk: u32, events: u32) {
        let it = &mut self.chunks[chunk as usize];
        it.live -= events;
        if it.live > 0 {
            return;
        }
        it.fill = 0;
        it.entries = 0;
        if self.open != Some(chunk) {
            self.give_back(chunk);
        }
    }

    /// Bytes of the block that begins with this chunk.
    pub fn block_len(&self, chunk: u32) -> u64 {
        u64::from(self.chunks[chunk as usize].span) * u64::from(self.chunk_len)
    }

    /// Takes free chunks with dirty pages out of circulation, never more than a quarter of the free ones, so that a put that comes meanwhile finds room.
    pub fn take_idle(&mut self) -> Vec<u32> {
        let mut left = self.free.len() / 4;
        let (idle, free) = self.free.iter().partition(|&&chunk| {
            let taken = left > 0 && self.chunks[chunk as usize].touched;
            left -= usize::from(taken);
            taken
        });
        self.free = free;
        for &chunk in &idle {
            let it: &mut Chunk = &mut self.chunks[chunk as usize];
            it.free = false;
            it.touched = false;
        }
        idle
    }

    /// Puts what [`Arena::take_idle`] took back, to be used after everything else.
    pub fn return_idle(&mut self, idle: Vec<u32>) {
        for &chunk in &idle {
            self.chunks[chunk as usize].free = true;
        }
        self.free.splice(0..0, idle);
    }

    /// The open block, if `needed` bytes still fit in it, or a new one.
    fn open_for(&mut self, needed: u64) -> Option<u32> {
        if let Some(open) = self.open {
            let it = &self.chunks[open as usize];
            if u64::from(it.fill) + u64::from(it.entries) * ENTRY_LEN + needed <= self.block_len(open) {
                return Some(open);
            }
            if it.live == 0 {
                self.open = None;
                self.give_back(open);
            }
        }
        // A block for four such puts wastes a fifth at the most; where there is none, one is better than waiting.
        let four = (4 * needed).div_ceil(u64::from(self.chunk_len));
        let one = needed.div_ceil(u64::from(self.chunk_len));
        let chunk = if needed * 4 <= u64::from(self.chunk_len) { None } else { self.neighbours(four) }
            .or_else(|| self.neighbours(one))?;
        self.open = Some(chunk);
        Some(chunk)
    }

    /// Takes so many free chunks that follow each other.
    fn neighbours(&mut self, span: u64) -> Option<u32> {
        if span == 1 {
            let chunk = self.free.pop()?;
            self.occupy(chunk, 1);
            return Some(chunk);
        }
        let span = u32::try_from(span).ok().filter(|&span| self.chunk_bytes(span) <= self.block_limit())?;
        let first = self.chunks.windows(span as usize).position(|window| window.iter().all(|chunk| chunk.free))? as u32;
        self.occupy(first, span);
        let chunks = &self.chunks;
        self.free.retain(|chunk| chunks[*chunk as usize].free);
        Some(first)
    }

    fn chunk_bytes(&self, chunks: u32) -> u64 {
        u64::from(chunks) * u64::from(self.chunk_len)
    }

    fn occupy(&mut self, first: u32, span: u32) {
        for chunk in first..first + span {
            let it = &mut self.chunks[chunk as usize];
            it.free = false;
            it.touched = true;
        }
        self.chunks[first as usize].span = span;
    }

    fn give_back(&mut self, first: u32) {
        let span = std::mem::replace(&mut self.chunks[first as usize].span, 1);
        for chunk in (first..first + span).rev() {
            self.chunks[chunk as usize].free = true;
            self.free.push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_chunk_without_live_events_begins_again_at_its_front() {
        let mut arena = Arena::new(4096, 4);
        let first = arena.reserve(10, 1000).unwrap();
        let second = arena.reserve(10, 1000).unwrap();
        assert_eq!(second, Region { chunk: first.chunk, first: 10, start: 1000 });
        arena.release(first.chunk, 10);
        assert_eq!(arena.reserve(1, 10).unwrap().start, 2000);
        arena.release(first.chunk, 11);
        assert_eq!(arena.reserve(1, 10).unwrap(), Region { chunk: first.chunk, first: 0, start: 0 });
    }

    #[test]
    fn a_forgotten_region_pins_its_chunk_and_nothing_else() {
        let mut arena = Arena::new(4096, 2);
        let stuck = arena.reserve(1, 1000).unwrap();
        for _ in 0..100 {
            let region = arena.reserve(1, 4000).unwrap();
            assert_ne!(region.chunk, stuck.chunk);
            arena.release(region.chunk, 1);
        }
    }

    #[test]
    fn a_large_transaction_gets_neighbouring_chunks_and_gives_all_of_them_back() {
        let mut arena = Arena::new(4096, 4);
        assert!(arena.can_ever(1, 4 * 4096 - 8));
        assert!(!arena.can_ever(1, 4 * 4096 - 7));
        let small = arena.reserve(1, 100).unwrap();
        assert_eq!(arena.reserve(1, 4 * 4096 - 8), None, "a live event stands in the way");
        arena.release(small.chunk, 1);
        let large = arena.reserve(1, 4 * 4096 - 8).unwrap();
        assert_eq!(arena.block_len(large.chunk), 4 * 4096);
        assert_eq!(arena.reserve(1, 1), None);
        arena.release(large.chunk, 1);
        for _ in 0..4 {
            assert!(arena.reserve(1, 4000).is_some());
        }
    }

    #[test]
    fn puts_of_any_size_use_three_quarters_of_the_chunks() {
        for size in [700, 1000, 1025, 2100, 4000, 4090, 5000, 9000] {
            let mut arena = Arena::new(4096, 64);
            let mut used = 0;
            while arena.reserve(1, size).is_some() {
                used += size;
            }
            assert!(used >= 64 * 4096 * 3 / 4, "{used} bytes in puts of {size}");
        }
    }

    #[test]
    fn what_is_given_back_unused_leaves_no_hole_behind() {
        let mut arena = Arena::new(4096, 1);
        for _ in 0..100 {
            let region = arena.reserve(1, 3000).unwrap();
            arena.cancel(region, 1, 3000);
        }
        let kept = arena.reserve(10, 1000).unwrap();
        arena.cancel(Region { first: kept.first + 4, start: kept.start + 500, ..kept }, 6, 500);
        assert_eq!(arena.reserve(1, 1).unwrap(), Region { first: 4, start: 500, ..kept });
    }

    #[test]
    fn idle_chunks_are_handed_out_for_trimming_once_and_return() {
        let mut arena = Arena::new(4096, 9);
        let regions: Vec<_> = (0..9).map(|_| arena.reserve(1, 4000).unwrap()).collect();
        for region in regions {
            arena.release(region.chunk, 1);
        }
        let idle = arena.take_idle();
        assert_eq!(idle.len(), 2, "a quarter of the eight that are not open");
        arena.return_idle(idle.clone());
        assert!(arena.take_idle().iter().all(|chunk| !idle.contains(chunk)));
        for _ in 0..7 {
            assert!(arena.reserve(1, 4000).is_some());
        }
    }
}
