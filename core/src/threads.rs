//! Which lane belongs to this thread: the look-up behind `put` through a shared reference.
//!
//! A thread keeps a small table, indexed by the low bits of the engine's number, of the lanes it used last; a hit
//! is two loads. Numbers are never used twice, so an entry for an engine that is gone can not be mistaken for
//! another's. The full list, with a weak reference to each engine, is behind it; when the thread ends, its
//! lanes are left to the next threads that need one.

use crate::engine::Engine;
use crate::lane::Lane;
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::{Arc, Weak};

const RECENT: usize = 8;

thread_local! {
    static LAST_USED: [Cell<(u64, *const ())>; RECENT] = const { [const { Cell::new((0, ptr::null())) }; RECENT] };
    static MINE: RefCell<Lanes> = const { RefCell::new(Lanes(Vec::new())) };
}

/// An engine that lends lanes to threads.
trait Lender: Send + Sync {
    fn take_back(&self, lane: usize);
}

impl<T: Send, R: Send> Lender for Engine<T, R> {
    fn take_back(&self, lane: usize) {
        self.lanes.get(lane).disown();
    }
}

struct Lanes(Vec<Loan>);

struct Loan {
    engine_id: u64,
    lane: usize,
    lender: Weak<dyn Lender>,
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for loan in &self.0 {
            if let Some(lender) = loan.lender.upgrade() {
                lender.take_back(loan.lane);
            }
        }
    }
}

/// This thread's lane of that engine, if it was used lately.
#[inline(always)]
pub(crate) fn recent<T, R>(engine: &Engine<T, R>) -> Option<&Lane<T, R>> {
    let (id, lane) = LAST_USED.with(|recent| recent[engine.id as usize % RECENT].get());
    if id != engine.id {
        return None;
    }
    // SAFETY: the entry was made for the engine with this number, whose lanes have this type and live as long
    // as it does, and the caller holds the engine.
    Some(unsafe { &*lane.cast::<Lane<T, R>>() })
}

/// This thread's lane of that engine, taken now if it has none. `None` while the thread is ending.
#[cold]
pub(crate) fn find<T: Send + 'static, R: Send + 'static>(engine: &Arc<Engine<T, R>>) -> Option<&Lane<T, R>> {
    let lane = MINE.try_with(|mine| {
        let mut mine = mine.borrow_mut();
        let known = mine.0.iter().find(|loan| loan.engine_id == engine.id).map(|loan| loan.lane);
        known.map_or_else(|| mine.borrow_lane(engine), |lane| engine.lanes.get(lane))
    });
    let lane = lane.ok()?;
    LAST_USED.with(|recent| recent[engine.id as usize % RECENT].set((engine.id, ptr::from_ref(lane).cast())));
    Some(lane)
}

impl Lanes {
    fn borrow_lane<'a, T: Send + 'static, R: Send + 'static>(
        &mut self,
        engine: &'a Arc<Engine<T, R>>,
    ) -> &'a Lane<T, R> {
        self.0.retain(|loan| loan.lender.strong_count() > 0);
        let lane = engine.acquire_lane();
        let lender: Weak<Engine<T, R>> = Arc::downgrade(engine);
        self.0.push(Loan { engine_id: engine.id, lane: lane.index, lender });
        lane
    }
}
