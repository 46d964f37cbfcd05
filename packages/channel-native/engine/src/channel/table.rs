//! Rows of plain numbers in shared memory: the descriptor ring and the lease table.

use std::marker::PhantomData;

use bytemuck::Pod;

/// A table of `T` at a fixed place of the shared buffer. It is read and written only under its channel's lock; JavaScript reads
/// single rows that the engine has finished writing before it named them.
pub(super) struct Table<T> {
    rows: *mut T,
    len: u32,
    _owns_no_t: PhantomData<*mut T>,
}

// SAFETY: the rows are plain data, and the channel's lock orders every access of the engine.
unsafe impl<T: Pod> Send for Table<T> {}

impl<T: Pod> Table<T> {
    /// # Safety
    /// `rows` is aligned for `T`, and valid for reads and writes of `len` rows for as long as the table lives; nobody else writes there.
    pub unsafe fn new(rows: *mut T, len: u32) -> Self {
        assert!(rows.is_aligned());
        Self { rows, len, _owns_no_t: PhantomData }
    }

    pub const fn len(&self) -> u32 {
        self.len
    }

    pub fn get(&self, row: u32) -> T {
        assert!(row < self.len);
        // SAFETY: the row is inside the table, which is valid by the contract of `new`.
        unsafe { self.rows.add(row as usize).read() }
    }

    pub fn set(&mut self, row: u32, value: T) {
        assert!(row < self.len);
        // SAFETY: as in `get`.
        unsafe { self.rows.add(row as usize).write(value) }
    }
}
