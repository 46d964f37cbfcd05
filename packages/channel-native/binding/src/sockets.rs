//! Sockets of a thread, read together: one call for all that a turn of its event loop has brought.
//!
//! ```text
//! poll ─▶ read ─▶ read ─▶ read ─▶ check: one call of `turn` with as many rows
//!          └──────┴───────┴─▶ block
//! ```

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::{c_int, c_void},
    os::fd::BorrowedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use napi::{
    Env, JsValue,
    bindgen_prelude::{Function, FunctionRef, Uint8Array, Uint8ArraySlice, Uint32Array, Uint32ArraySlice},
    sys,
};
use napi_derive::napi;

use crate::{
    datagrams::Receiver,
    direct::{Direct, DirectOptions},
    failure::{Result, Thrown},
    polled::{Came, Polled, READ_BYTES},
    uv::{self, Handle},
};

/// Numbers of a row: which socket, what, and two more of that.
const ROW: usize = 4;
/// What a row tells: a piece (where in the block, how many bytes), the end of the peer's side, that all was sent behind which this side ends, and
/// what the connection is lost with (the system's number of it).
const PIECE: u32 = 0;
const END: u32 = 1;
const SENT: u32 = 2;
const LOST: u32 = 3;
/// A UDP socket has something to be read, and is not watched any more.
const READABLE: u32 = 4;
/// A piece that is done with; nobody is told of it.
const DONE: u32 = 5;

pub struct Reactor {
    env: sys::napi_env,
    uv: uv::Loop,
    turn: FunctionRef<u32, ()>,
    _check: Handle,
    sockets: HashMap<u32, Polled>,
    pub receivers: HashMap<u32, Receiver>,
    directs: HashMap<u32, Direct>,
    last: u32,
    block: Uint8Array,
    used: usize,
    rows: Uint32Array,
    told: usize,
}

thread_local! {
    static REACTOR: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

impl Reactor {
    fn tell(&mut self, row: [u32; ROW]) {
        let at = ROW * self.told;
        // SAFETY: the array is the reactor's until the turn is told.
        let rows = unsafe { self.rows.as_mut() };
        rows[at..at + ROW].copy_from_slice(&row);
        self.told += 1;
    }

    /// Puts what can be put without JavaScript, and keeps the rows of everything else.
    fn settle(&mut self) {
        let Self { directs, sockets, rows, told, used, .. } = self;
        // SAFETY: the array is the reactor's until the turn is told.
        let rows = unsafe { rows.as_mut() };
        for direct in directs.values_mut() {
            direct.settle(|socket, row, answers| {
                rows[ROW * row + 1] = DONE;
                if let Some(polled) = sockets.get_mut(&socket) {
                    polled.write(answers);
                }
            });
        }
        let mut kept = 0;
        for at in (0..ROW * *told).step_by(ROW) {
            if rows[at + 1] == DONE {
                continue;
            }
            if rows[at + 1] == PIECE
                && let Some(polled) = sockets.get_mut(&rows[at])
            {
                polled.tell_first();
            }
            rows.copy_within(at..at + ROW, ROW * kept);
            kept += 1;
        }
        *told = kept;
        if kept == 0 {
            *used = 0;
        }
    }

    /// How many rows are told now; none waits any more.
    fn begin_telling(&mut self) -> usize {
        // SAFETY: the array is the reactor's until the turn is told.
        let rows = unsafe { self.rows.as_mut() };
        for row in rows.chunks_exact(ROW).take(self.told) {
            if let Some(polled) = self.sockets.get_mut(&row[0]) {
                polled.telling();
            }
        }
        self.used = 0;
        std::mem::take(&mut self.told)
    }

    /// Does with a socket what it is ready for; answers whether no other would fit this turn.
    fn ready(&mut self, number: u32, failed: bool, events: c_int) -> bool {
        if let Some(receiver) = self.receivers.get(&number) {
            receiver.watch(false);
            self.tell([number, READABLE, 0, 0]);
            return self.is_full();
        }
        let Some(polled) = self.sockets.get_mut(&number) else { return false };
        // SAFETY: the block is the reactor's until the turn is told.
        let block = unsafe { self.block.as_mut() };
        match polled.go_on(failed, events, &mut block[self.used..self.used + READ_BYTES]) {
            Ok(Some(Came::Piece(bytes))) => self.take(number, bytes),
            Ok(Some(Came::End)) => self.tell([number, END, 0, 0]),
            Ok(Some(Came::Sent)) => self.tell([number, SENT, 0, 0]),
            Ok(None) => {}
            Err(error) => {
                polled.lose();
                self.tell([number, LOST, error.raw_os_error().unwrap_or_default().unsigned_abs(), 0]);
            }
        }
        self.is_full()
    }

    fn is_full(&self) -> bool {
        self.used + READ_BYTES > self.block.len() || ROW * (self.told + 1) > self.rows.len()
    }

    /// Begins with something that has a number of its own and the loop of this thread.
    pub fn begin<Kind>(
        &mut self,
        kind: fn(&mut Self) -> &mut HashMap<u32, Kind>,
        open: impl FnOnce(uv::Loop, u32) -> Option<Kind>,
    ) -> Option<u32> {
        let number = self.last.wrapping_add(1);
        let opened = open(self.uv, number)?;
        self.last = number;
        kind(self).insert(number, opened);
        Some(number)
    }
    /// Takes in a piece that stands behind what the block has, to be put directly, or to be told.
    fn take(&mut self, number: u32, bytes: usize) {
        let Some(polled) = self.sockets.get_mut(&number) else { return };
        let piece = &self.block[self.used..self.used + bytes];
        let mut direct = self.directs.get_mut(&polled.direct());
        if !direct.as_mut().is_some_and(|direct| direct.gather(number, self.told, piece)) {
            polled.tell_first();
        }
        let enough = direct.is_some_and(|direct| direct.has_enough());
        self.tell([number, PIECE, self.used as u32, bytes as u32]);
        self.used += bytes;
        if enough {
            self.settle();
        }
    }
}

pub extern "C" fn on_ready(handle: *mut c_void, status: c_int, events: c_int) {
    caught(|| {
        let number = uv::number_of(handle);
        let full = REACTOR.with_borrow_mut(|reactor| {
            reactor.as_mut().is_some_and(|reactor| reactor.ready(number, status < 0, events))
        });
        if full {
            tell_turn();
        }
    });
}

extern "C" fn on_check(_: *mut c_void) {
    caught(tell_turn);
}

/// A panic would end the process when it unwound into libuv; the sockets that are left are then those of a thread that nothing tells anything.
fn caught(act: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        eprintln!("The sockets of a thread have stopped because of a defect.");
    }
}

/// Calls with what this turn has brought so far. The reactor may be used meanwhile: it takes nothing in before the call is back.
fn tell_turn() {
    let told = REACTOR.with_borrow_mut(|reactor| {
        let reactor = reactor.as_mut()?;
        reactor.settle();
        (reactor.told > 0).then(|| (reactor.env, reactor.begin_telling()))
    });
    let Some((env, rows)) = told else { return };
    let mut scope = ptr::null_mut();
    // SAFETY: in the thread of the environment, which has not ended: its reactor is there.
    unsafe { sys::napi_open_handle_scope(env, &raw mut scope) };
    let turn = REACTOR.with_borrow(|reactor| {
        let turn = &reactor.as_ref()?.turn;
        Some(turn.borrow_back(&Env::from_raw(env)).ok()?.raw())
    });
    if let Some(turn) = turn {
        call(env, turn, rows as u32);
    }
    // SAFETY: the scope opened above.
    unsafe { sys::napi_close_handle_scope(env, scope) };
}

/// Calls into JavaScript as Node does for an event, with ticks and promises behind it.
fn call(env: sys::napi_env, function: sys::napi_value, argument: u32) {
    let [mut global, mut number, mut result] = [ptr::null_mut(); 3];
    // SAFETY: in the thread of the environment, inside of a handle scope, with values of that.
    unsafe {
        sys::napi_get_global(env, &raw mut global);
        sys::napi_create_uint32(env, argument, &raw mut number);
        let status =
            sys::napi_make_callback(env, ptr::null_mut(), global, function, 1, &raw const number, &raw mut result);
        if status == sys::Status::napi_pending_exception {
            sys::napi_get_and_clear_last_exception(env, &raw mut result);
            sys::napi_fatal_exception(env, result);
        }
    }
}

/// Begins to read sockets in this thread. `turn` is called with how many rows of four numbers there are in `rows`: the socket; 0 for a piece, 1 for
/// the end of what the peer sends, 2 for the end of what was sent, 3 for a lost connection, 4 for datagrams that can be read; where the piece is in
/// `block`, or the system's number of the error; and the bytes of the piece. All of it is valid during the call. Answers false when somebody else does
/// that already.
#[napi(catch_unwind)]
pub fn open_sockets(env: Env, turn: Function<'_, u32, ()>, block: Uint8Array, rows: Uint32Array) -> Result<bool> {
    if REACTOR.with_borrow(Option::is_some) {
        return Ok(false);
    }
    let failed = |error: napi::Error| Thrown::new("MR_ENGINE_PANIC".into(), error.to_string());
    let uv: uv::Loop = env.get_uv_event_loop().map_err(failed)?.cast();
    let turn = turn.create_ref().map_err(failed)?;
    let mut hook = ptr::null_mut();
    // SAFETY: in the thread of the environment, and so of its loop.
    let check = unsafe {
        sys::napi_add_async_cleanup_hook(env.raw(), Some(on_cleanup), ptr::null_mut(), &raw mut hook);
        Handle::check(uv, on_check)
    };
    let (sockets, receivers, directs) = (HashMap::new(), HashMap::new(), HashMap::new());
    REACTOR.set(Some(Reactor {
        env: env.raw(),
        uv,
        turn,
        _check: check,
        sockets,
        receivers,
        directs,
        last: 0,
        block,
        used: 0,
        rows,
        told: 0,
    }));
    Ok(true)
}

/// Closes everything before the environment ends, and lets that wait until the loop has let go.
unsafe extern "C" fn on_cleanup(hook: sys::napi_async_cleanup_hook_handle, _: *mut c_void) {
    caught(|| drop(REACTOR.take()));
    uv::when_closed(move || {
        // SAFETY: the hook whose turn it is, once.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    });
}

/// Takes a connection from whoever has the descriptor, who may close it afterwards; answers the number of the socket, or 0 when it cannot be taken.
/// It is not read until [`read_socket`].
#[napi(catch_unwind)]
pub fn adopt_socket(descriptor: i32) -> u32 {
    adopt(descriptor).unwrap_or_default()
}

fn adopt(descriptor: i32) -> Option<u32> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: the caller has it open during the call.
    let own = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned().ok()?;
    // SAFETY: the loop is that of this thread.
    let open = |uv, number| unsafe { Polled::new(uv, own, number, on_ready) };
    with_reactor(|reactor| reactor.begin(|reactor| &mut reactor.sockets, open)).flatten()
}

/// Uses what reads the sockets of this thread, once it has been opened.
pub fn with_reactor<Result>(use_it: impl FnOnce(&mut Reactor) -> Result) -> Option<Result> {
    REACTOR.with_borrow_mut(|reactor| reactor.as_mut().map(use_it))
}

/// A number for something new that puts and answers requests of sockets by itself; 0 where no sockets are open.
#[napi(catch_unwind)]
pub fn open_direct(options: DirectOptions) -> u32 {
    let open = |_, _| Some(Direct::new(options));
    with_reactor(|reactor| reactor.begin(|reactor| &mut reactor.directs, open)).flatten().unwrap_or_default()
}

/// Ends it: what its sockets bring is told again.
#[napi(catch_unwind)]
pub fn close_direct(direct: u32) {
    with_reactor(|reactor| reactor.directs.remove(&direct));
}

/// Lets what comes next of a socket be put and answered without a row for it, as long as that can be done: everything that was told of it ends with a request
/// and is answered. Does nothing while more waits to be told.
#[napi(catch_unwind)]
pub fn put_directly(socket: u32, direct: u32) {
    with(socket, |polled| polled.put_directly(direct));
}

/// Says whether a socket is to be read.
#[napi(catch_unwind)]
pub fn read_socket(socket: u32, reading: bool) {
    with(socket, |polled| polled.read(reading));
}

/// Sends bytes to sockets: for each three numbers of `rows`, which socket, and where its bytes begin and end.
#[napi(catch_unwind)]
pub fn write_sockets(bytes: Uint8ArraySlice<'_>, rows: Uint32ArraySlice<'_>, count: u32) {
    for row in rows.chunks_exact(3).take(count as usize) {
        let piece = bytes.get(row[1] as usize..row[2] as usize).unwrap_or_default();
        with(row[0], |polled| polled.write(piece));
    }
}

/// Ends this side behind what was sent; answers whether all of that has gone. Else a row says when it has.
#[napi(catch_unwind)]
pub fn end_socket(socket: u32) -> bool {
    let mut ended = true;
    with(socket, |polled| ended = polled.end());
    ended
}

/// Closes a connection at once. Rows that were read before may still name it.
#[napi(catch_unwind)]
pub fn close_socket(socket: u32) {
    with_reactor(|reactor| reactor.sockets.remove(&socket));
}

fn with(socket: u32, use_it: impl FnOnce(&mut Polled)) {
    with_reactor(|reactor| reactor.sockets.get_mut(&socket).map(use_it));
}
