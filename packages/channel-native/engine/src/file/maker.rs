//! Makes segments ahead of their use, so that a writer never waits for zeros to reach the disk.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use super::{Storage, StorageFile, layout::segment_name};
use crate::defect::Defect;

/// The name of a segment that is not full of zeros yet; whatever has it at opening is removed.
pub(super) const FILLING: &str = "filling";
/// Between two looks at whether the channel is being closed.
const STRIDE: usize = 4 << 20;

/// A segment to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number.
    pub number: u64,
    /// Bytes of its file.
    pub length: u32,
    /// The number of a segment of that length that nobody needs any more.
    pub recycled: Option<u64>,
    /// Bytes that must stay free on the disk.
    pub keep_free: u64,
}

/// A segment whose length and name are durable.
pub struct Made<F> {
    /// Its number.
    pub number: u64,
    /// Bytes of its file.
    pub length: u32,
    /// The file.
    pub file: Arc<F>,
}

/// Makes one segment at a time, in a thread of its own or when it is fetched.
pub enum Maker<S: Storage> {
    /// Works ahead.
    Thread(Background<S::File>),
    /// Works when it is asked.
    Inline(Arc<S>, Option<Order>),
}

/// A thread that makes segments. Dropping it waits for its end: nothing happens in the directory afterwards.
pub struct Background<F> {
    /// Absent once it is to end.
    orders: Option<Sender<Order>>,
    made: Receiver<io::Result<Made<F>>>,
    ordered: bool,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<F> Drop for Background<F> {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        self.orders = None;
        // A panic there has been told as a segment that could not be made.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl<S: Storage> Maker<S> {
    /// A maker with a thread.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn in_background(data: Arc<S>) -> io::Result<Self> {
        let (orders, ordered) = channel::<Order>();
        let (making, made) = channel();
        let ending = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ending);
        let thread = thread::Builder::new().name("millrace-maker".into()).spawn(move || {
            while let Ok(order) = ordered.recv() {
                if making.send(make(&*data, &order, &asked)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self::Thread(Background { orders: Some(orders), made, ordered: false, ending, thread: Some(thread) }))
    }

    /// A maker that works in the thread that fetches: what it does is in one order with everything else.
    #[cfg(any(all(test, not(loom)), feature = "sim"))]
    pub const fn inline(data: Arc<S>) -> Self {
        Self::Inline(data, None)
    }

    /// Whether something was ordered and not fetched.
    pub const fn has_order(&self) -> bool {
        match self {
            Self::Thread(background) => background.ordered,
            Self::Inline(_, order) => order.is_some(),
        }
    }

    /// Orders a segment; what was ordered before must have been fetched.
    pub fn order(&mut self, wanted: Order) {
        match self {
            Self::Thread(Background { orders, ordered, .. }) => {
                *ordered = orders.as_ref().is_some_and(|orders| orders.send(wanted).is_ok());
            }
            Self::Inline(_, order) => *order = Some(wanted),
        }
    }

    /// Waits for what was ordered.
    ///
    /// # Errors
    /// Why it could not be made; nothing of it is left.
    pub fn fetch(&mut self) -> io::Result<Made<S::File>> {
        match self {
            Self::Thread(Background { made, ordered, .. }) => {
                *ordered = false;
                made.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that makes segments has ended")))
            }
            Self::Inline(data, order) => {
                let order = order.take().ok_or_else(|| io::Error::other("no segment was ordered"))?;
                make(&**data, &order, &AtomicBool::new(false))
            }
        }
    }
}

/// Makes a segment. When anything fails nothing of it is left: neither a file nor a name counts whose sync has failed once.
fn make<S: Storage>(data: &S, order: &Order, ending: &AtomicBool) -> io::Result<Made<S::File>> {
    let name = segment_name(order.number);
    let made = match order.recycled {
        Some(old) => recycle(data, &segment_name(old), &name),
        None => fill(data, &name, order, ending),
    };
    match made {
        Ok(file) => Ok(Made { number: order.number, length: order.length, file: Arc::new(file) }),
        Err(error) => {
            // What is not there need not be removed.
            let _ = data.remove(FILLING);
            let _ = data.remove(&name);
            Err(error)
        }
    }
}

fn recycle<S: Storage>(data: &S, old: &str, name: &str) -> io::Result<S::File> {
    data.rename(old, name)?;
    sync_names(data)?;
    data.open(name)
}

fn fill<S: Storage>(data: &S, name: &str, order: &Order, ending: &AtomicBool) -> io::Result<S::File> {
    let free = data.free_bytes()?;
    let needed = order.keep_free + u64::from(order.length);
    if free < needed {
        let what = format!(
            "{free} bytes are free, and a new segment of {} must leave {} of them (minimumRequiredSpace): make room on the disk",
            order.length, order.keep_free
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, what));
    }
    match data.remove(FILLING) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = data.create(FILLING)?;
    let mut at = 0;
    while at < order.length as usize {
        if ending.load(Ordering::Relaxed) {
            return Err(io::Error::other("the channel is being closed"));
        }
        let len = STRIDE.min(order.length as usize - at);
        file.write_zeros(at as u64, len)?;
        at += len;
    }
    file.sync()?;
    data.rename(FILLING, name)?;
    sync_names(data)?;
    Ok(file)
}

fn sync_names<S: Storage>(data: &S) -> io::Result<()> {
    if Defect::NamesNotSynced.is_made() { Ok(()) } else { data.sync_names() }
}
