//! The two handles of Node's event loop that sockets need. Both carry a number to their callbacks, and free themselves when they are closed.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    cell::{Cell, RefCell},
    ffi::{c_int, c_void},
    os::fd::RawFd,
};

/// What can be waited for, as bits.
pub const READABLE: c_int = 1;
pub const WRITABLE: c_int = 2;

const CHECK: c_int = 2;
const POLL: c_int = 8;

/// An event loop.
pub type Loop = *mut c_void;
type Raw = *mut c_void;

unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_handle_get_data(handle: Raw) -> *mut c_void;
    fn uv_handle_set_data(handle: Raw, data: *mut c_void);
    fn uv_handle_get_type(handle: Raw) -> c_int;
    fn uv_unref(handle: Raw);
    fn uv_close(handle: Raw, closed: extern "C" fn(Raw));
    fn uv_check_init(of: Loop, check: Raw) -> c_int;
    fn uv_check_start(check: Raw, run: extern "C" fn(Raw)) -> c_int;
    fn uv_poll_init(of: Loop, poll: Raw, fd: c_int) -> c_int;
    fn uv_poll_start(poll: Raw, events: c_int, run: extern "C" fn(Raw, c_int, c_int)) -> c_int;
    fn uv_poll_stop(poll: Raw) -> c_int;
}

thread_local! {
    /// Handles of this thread whose memory libuv still has, and what is to be done when there are none.
    static HANDLES: Cell<usize> = const { Cell::new(0) };
    static LAST: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Acts when libuv has let go of every handle of this thread; all of them were dropped.
pub fn when_closed(act: impl FnOnce() + 'static) {
    if HANDLES.get() == 0 {
        act();
    } else {
        LAST.set(Some(Box::new(act)));
    }
}

/// A handle that has begun, and is closed when it is dropped. It belongs to the thread of its loop.
pub struct Handle(Raw);

impl Handle {
    /// Runs behind the polling of every turn; does not keep the loop alive.
    ///
    /// # Safety
    /// The loop is that of the calling thread.
    pub unsafe fn check(of: Loop, run: extern "C" fn(Raw)) -> Self {
        let raw = allocate(CHECK);
        // SAFETY: memory of the right size for that kind of handle; neither call fails.
        unsafe {
            uv_check_init(of, raw);
            uv_check_start(raw, run);
            uv_unref(raw);
        }
        Self(raw)
    }

    /// Will watch a descriptor; `None` when the loop cannot.
    ///
    /// # Safety
    /// The loop is that of the calling thread.
    pub unsafe fn poll(of: Loop, fd: RawFd, number: u32) -> Option<Self> {
        let raw = allocate(POLL);
        // SAFETY: memory of the right size for that kind of handle.
        if unsafe { uv_poll_init(of, raw, fd) } != 0 {
            free(raw, POLL);
            return None;
        }
        // SAFETY: as above; the data is a number and never looked behind.
        unsafe { uv_handle_set_data(raw, number as usize as *mut c_void) };
        Some(Self(raw))
    }

    /// Watches for some events, or for none any more.
    pub fn watch(&self, events: c_int, run: extern "C" fn(Raw, c_int, c_int)) {
        // SAFETY: a poll handle that is not closed; starting one for a valid descriptor does not fail.
        unsafe {
            if events == 0 {
                uv_poll_stop(self.0);
            } else {
                uv_poll_start(self.0, events, run);
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: dropped once, in the thread of its loop, which frees it behind this turn.
        unsafe { uv_close(self.0, closed) };
    }
}

/// The number of the handle whose callback runs.
pub fn number_of(handle: Raw) -> u32 {
    // SAFETY: libuv calls with a handle of ours.
    (unsafe { uv_handle_get_data(handle) }) as usize as u32
}

extern "C" fn closed(handle: Raw) {
    // SAFETY: libuv calls with a handle of ours, and does not touch it any more.
    free(handle, unsafe { uv_handle_get_type(handle) });
}

fn layout(kind: c_int) -> Layout {
    // SAFETY: a pure function.
    let size = unsafe { uv_handle_size(kind) };
    Layout::from_size_align(size, align_of::<u128>()).expect("handles are small")
}

fn allocate(kind: c_int) -> Raw {
    let layout = layout(kind);
    // SAFETY: a handle has more than 0 bytes.
    let raw = unsafe { alloc_zeroed(layout) };
    if raw.is_null() {
        handle_alloc_error(layout);
    }
    HANDLES.set(HANDLES.get() + 1);
    raw.cast()
}

fn free(handle: Raw, kind: c_int) {
    // SAFETY: allocated above, with the layout of its kind.
    unsafe { dealloc(handle.cast(), layout(kind)) };
    HANDLES.set(HANDLES.get() - 1);
    if HANDLES.get() == 0
        && let Some(act) = LAST.take()
    {
        act();
    }
}
