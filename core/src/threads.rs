//! Which lane belongs to this thread: the look-up behind `put` through a shared reference.
//!
//! A thread keeps a small table, indexed by the address of the engine, of the lanes it used last; a hit is two
//! loads. The full list, with a weak reference to each engine, is behind it. An entry is only there while that
//! list has the engine, and a weak reference keeps the address from being used again: so an entry for an engine
//! that is gone can not be mistaken for another's. When the thread ends, its lanes are left to the next threads
//! that need one.

use crate::engine::Engine;
use crate::lane::Lane;
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::{Arc, Weak};

const RECENT: usize = 8;

type Entry = Cell<(*const (), *const ())>;

thread_local! {
    /// Addresses of an engine and of this thread's lane of it.
    static LAST_USED: [Entry; RECENT] = const { [const { Cell::new((ptr::null(), ptr::null())) }; RECENT] };
    static MINE: RefCell<Lanes> = const { RefCell::new(Lanes(Vec::new())) };
}

/// An engine that lends lanes to threads.
trait Lender: Send + Sync {
    fn take_back(&self, lane: usize);
}

impl<T: Send, R: Send> Lender for Engine<T, R> {
    fn take_back(&self, lane: usize) {
        let lane = self.lanes.get(lane);
        #[cfg(not(batchline_loom))]
        self.abandon_reservation(lane);
        lane.disown();
    }
}

struct Lanes(Vec<Loan>);

struct Loan {
    engine: *const (),
    lane: usize,
    lender: Weak<dyn Lender>,
}

impl Drop for Lanes {
    fn drop(&mut self) {
        forget_recent();
        for loan in &self.0 {
            if let Some(lender) = loan.lender.upgrade() {
                lender.take_back(loan.lane);
            }
        }
    }
}

/// Must be called whenever a loan ends: from then on the lane may be another thread's.
fn forget_recent() {
    // It has no destructor and is always there; only shuttle takes it away from an ending thread.
    let _ =
        LAST_USED.try_with(|recent| recent.iter().for_each(|entry| entry.set((ptr::null(), ptr::null()))));
}

/// An engine's address, and its place among the recent ones.
#[inline(always)]
fn place<T, R>(engine: &Engine<T, R>) -> (*const (), usize) {
    let address = ptr::from_ref(engine).cast::<()>();
    (address, address.addr() / align_of::<Engine<T, R>>() % RECENT)
}

/// This thread's lane of that engine, if it was used lately.
#[inline(always)]
pub(crate) fn recent<T, R>(engine: &Engine<T, R>) -> Option<&Lane<T, R>> {
    let (address, place) = place(engine);
    let (known, lane) = LAST_USED.with(|recent| recent[place].get());
    if known != address {
        return None;
    }
    // SAFETY: the entry was made for the engine at this address, which this thread's list keeps from being
    // used again, so the lane has this type; lanes live as long as their engine, which the caller holds.
    Some(unsafe { &*lane.cast::<Lane<T, R>>() })
}

/// This thread's lane of that engine, taken now if it has none. `None` while the thread is ending.
#[cold]
pub(crate) fn find<T: Send + 'static, R: Send + 'static>(engine: &Arc<Engine<T, R>>) -> Option<&Lane<T, R>> {
    let (address, place) = place(&**engine);
    let lane = MINE.try_with(|mine| {
        let mut mine = mine.borrow_mut();
        let known = mine.0.iter().find(|loan| loan.engine == address).map(|loan| loan.lane);
        known.map_or_else(|| mine.borrow_lane(engine), |lane| engine.lanes.get(lane))
    });
    let lane = lane.ok()?;
    LAST_USED.with(|recent| recent[place].set((address, ptr::from_ref(lane).cast())));
    Some(lane)
}

impl Lanes {
    fn borrow_lane<'a, T: Send + 'static, R: Send + 'static>(
        &mut self,
        engine: &'a Arc<Engine<T, R>>,
    ) -> &'a Lane<T, R> {
        if self.0.iter().any(|loan| loan.lender.strong_count() == 0) {
            forget_recent();
            self.0.retain(|loan| loan.lender.strong_count() > 0);
        }
        let lane = engine.acquire_lane();
        let lender: Weak<Engine<T, R>> = Arc::downgrade(engine);
        self.0.push(Loan { engine: Arc::as_ptr(engine).cast(), lane: lane.index, lender });
        lane
    }
}
