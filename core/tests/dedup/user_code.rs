//! Keys whose code panics, calls back, or has odd shapes.

use crate::support::{assert_balanced, eventually, guarded};
use crate::{Alive, BUCKET, WINDOW, assert_duplicate, window};
use batchline::dedup::Dedup;
use batchline::{Batch, Batcher, Clock, Deadline, PutError, VirtualClock};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// Which of a key's functions panics next.
const NONE: u64 = 0;
const MAKE: u64 = 1;
const HASH: u64 = 2;
const EQ: u64 = 3;
const DROP: u64 = 4;

#[derive(Clone, Default)]
struct Trap(Arc<AtomicU64>);

impl Trap {
    /// Panics, without a message, if it is set for `what`.
    fn spring(&self, what: u64) {
        if self.0.load(SeqCst) == what {
            resume_unwind(Box::new("on purpose"));
        }
    }

    fn set(&self, what: u64) {
        self.0.store(what, SeqCst);
    }
}

struct Key {
    id: u64,
    trap: Trap,
}

impl Key {
    fn new(id: u64, trap: &Trap) -> Self {
        trap.spring(MAKE);
        Self { id, trap: trap.clone() }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.trap.spring(HASH);
        // The same for all, so that keys are compared.
        7.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.trap.spring(EQ);
        self.id == other.id
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        self.trap.spring(DROP);
    }
}

fn trapped(trap: &Trap, time: &VirtualClock) -> batchline::Builder<u64> {
    let trap = trap.clone();
    let builder =
        Batcher::builder().batch_items_max(2).no_linger().on_failure(|_| {}).clock(Clock::from(time));
    builder.dedup(window(), move |item| Key::new(*item, &trap))
}

#[test]
fn a_key_function_a_hash_or_a_comparison_that_panics_changes_nothing() {
    for what in [MAKE, HASH, EQ] {
        guarded("a bad key", move || {
            let (trap, time) = (Trap::default(), VirtualClock::new());
            let batcher = trapped(&trap, &time).build_poll().unwrap();
            batcher.put(1).unwrap();
            trap.set(what);
            let mut items = vec![2, 3];
            assert!(catch_unwind(AssertUnwindSafe(|| batcher.put(2))).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| drop(batcher.submit(2)))).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| batcher.put_many(&mut items))).is_err());
            assert_eq!(items, [2, 3]);
            trap.set(NONE);
            assert_duplicate(batcher.put(1), 1);
            batcher.put(2).unwrap();
            batcher.next_batch(Duration::ZERO).unwrap().fail_all("no");
            batcher.put_many(&mut items).unwrap();
            assert_eq!(batcher.window_stats().unwrap().keys, 2);
            assert_eq!(batcher.close(Deadline::now()).items, [2, 3]);
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn a_key_whose_drop_panics_when_it_is_released_stops_nothing() {
    guarded("a bad drop, released", || {
        let (trap, time) = (Trap::default(), VirtualClock::new());
        let batcher = trapped(&trap, &time).build(|_: &mut Batch<u64>| Err::<(), _>("no")).unwrap();
        let tickets = [batcher.submit(1).unwrap()];
        trap.set(DROP);
        let second = batcher.submit(2).unwrap();
        tickets.into_iter().for_each(|ticket| drop(ticket.wait().unwrap_err()));
        drop(second.wait().unwrap_err());
        trap.set(NONE);
        batcher.put(1).unwrap();
        batcher.put(2).unwrap();
        batcher.close(Deadline::never());
        assert_eq!(batcher.stats().failed, 4);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn keys_whose_drops_panic_when_they_expire_stop_neither_a_put_nor_a_worker() {
    guarded("a bad drop, expired", || {
        let (trap, time) = (Trap::default(), VirtualClock::new());
        let batcher = trapped(&trap, &time).build(|_: &mut Batch<u64>| ()).unwrap();
        batcher.put_many(&mut vec![1, 2, 3]).unwrap();
        batcher.flush().unwrap();
        trap.set(DROP);
        time.advance(WINDOW + BUCKET);
        // Whoever comes first, this put or the idle worker, drops them.
        batcher.put(1).unwrap();
        batcher.flush().unwrap();
        time.advance(WINDOW + BUCKET);
        eventually("forgotten", || batcher.window_stats().unwrap().keys == 0);
        batcher.put(1).unwrap();
        batcher.close(Deadline::never());
        assert_eq!(batcher.stats().done, 5);
        trap.set(NONE);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn a_duplicate_whose_key_has_a_bad_drop_passes_the_panic_on_and_leaves_the_window_whole() {
    let (trap, time) = (Trap::default(), VirtualClock::new());
    let batcher = trapped(&trap, &time).build_poll().unwrap();
    batcher.put(1).unwrap();
    trap.set(DROP);
    assert!(catch_unwind(AssertUnwindSafe(|| batcher.put(1))).is_err());
    trap.set(NONE);
    assert_duplicate(batcher.put(1), 1);
    batcher.put(2).unwrap();
    assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [1, 2]);
}

#[test]
fn a_key_function_may_put_into_its_own_batcher() {
    for ordered in [false, true] {
        guarded("a key that puts", move || {
            let slot = Arc::new(OnceLock::<Weak<Batcher<u64>>>::new());
            let by_key = slot.clone();
            let builder = Batcher::builder().batch_items_max(2).ordered(ordered);
            let builder = builder.dedup(window(), move |item: &u64| {
                if *item % 2 == 1 {
                    let batcher = by_key.get().and_then(Weak::upgrade).expect("it is open");
                    let _ = batcher.put(item - 1);
                }
                *item
            });
            let batcher = Arc::new(builder.build(|_: &mut Batch<u64>| ()).unwrap());
            slot.set(Arc::downgrade(&batcher)).unwrap();
            batcher.put(1).unwrap();
            assert_duplicate(batcher.put(0), 0);
            assert_duplicate(batcher.put(1), 1);
            drop(batcher.submit(3).unwrap());
            assert_eq!(batcher.put_many(&mut vec![5, 7]), Ok(2));
            assert_eq!(batcher.close(Deadline::never()).done, 8);
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn keys_without_a_size_are_all_one() {
    let time = VirtualClock::new();
    let builder = Batcher::builder().batch_items_max(1).clock(Clock::from(&time));
    let batcher = builder.dedup(window(), |_: &u64| ()).build_poll().unwrap();
    for _ in 0..3 {
        batcher.put(1).unwrap();
        assert_duplicate(batcher.put(2), 2);
        batcher.next_batch(Duration::ZERO).unwrap().fail_all("no");
        batcher.put(2).unwrap();
        drop(batcher.next_batch(Duration::ZERO).unwrap());
        assert_duplicate(batcher.put(1), 1);
        assert_eq!(batcher.window_stats().unwrap().keys, 1);
        time.advance(WINDOW + BUCKET);
    }
}

#[test]
fn keys_of_text_are_found_by_a_slice_of_it() {
    let builder = Batcher::builder().batch_items_max(10).no_linger();
    let batcher = builder.dedup(window(), |line: &String| line.clone()).build_poll().unwrap();
    batcher.put("a".into()).unwrap();
    assert_eq!(batcher.put("a".into()), Err(PutError::Duplicate("a".into())));
    let seen = Dedup::<String>::new(window()).unwrap();
    assert!(seen.is_new("a".into()).unwrap() && seen.contains("a") && !seen.contains("b"));
    assert!(seen.forget("a") && !seen.contains("a"));
}

#[test]
fn every_key_is_dropped_once_however_it_leaves() {
    let (alive, time) = (Alive::default(), VirtualClock::new());
    let seen = Dedup::with_clock(window().keys_max(1000), Clock::from(&time)).unwrap();
    for round in 0..10_u64 {
        for id in 0..1500 {
            match seen.claim(alive.key(round * 100 + id)) {
                Ok(claim) if id % 3 == 0 => drop(claim),
                Ok(claim) => claim.commit(),
                Err(refused) => drop(refused),
            }
            if id % 7 == 0 {
                let key = alive.key(round * 100 + id / 2);
                seen.forget(&key);
            }
        }
        assert_eq!(alive.count(), seen.len() as u64);
        time.advance(BUCKET);
    }
    time.advance(WINDOW);
    seen.sweep();
    assert_eq!((alive.count(), seen.len(), seen.stats().bytes), (0, 0, 0));
}

/// A look alone begins a generation, whose time must not keep the sweep from giving memory back.
#[test]
fn a_sweep_gives_the_memory_back_also_after_a_look_at_what_is_not_there() {
    let time = VirtualClock::new();
    let seen = Dedup::with_clock(window(), Clock::from(&time)).unwrap();
    (0..10_000_u64).for_each(|key| assert!(seen.is_new(key).unwrap()));
    time.advance(WINDOW + BUCKET);
    assert!(!seen.contains(&1));
    seen.sweep();
    // One shard was looked at; what it begins with is small.
    assert!(seen.stats().bytes < 100 * 1024, "{} bytes for no key", seen.stats().bytes);
}
