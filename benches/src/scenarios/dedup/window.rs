//! Groups `map-set` and `map-get`: one operation on a window of 60 buckets with a million keys.
//!
//! A map is filled once, outside the clock, and serves all scenarios of its key. Time is virtual and moves on by a
//! bucket per 16 667 new keys, so that as many keys expire as come; reading it takes a mutex, which is about what
//! reading the system's clock takes.
//!
//! | scenario | what is done |
//! | --- | --- |
//! | `map-set/new-key-*` | insert a key that was never there |
//! | `map-set/recent-duplicate-*` | insert one of the last 1000 keys: refused |
//! | `map-set/old-duplicate-*` | insert a key of the older half of the window: refused |
//! | `map-get/hit-*` | get any key of the window |
//! | `map-get/recent-hit-*` | get one of the last 1000 |
//! | `map-get/miss-*` | get a key that was never there |

use std::{
    cell::{RefCell, RefMut},
    marker::PhantomData,
    rc::Rc,
    time::Instant,
};

use batchline::{VirtualClock, naive::NaiveTimePartitionedMap};

#[cfg(feature = "bloomfilter")]
use super::subject::{BLOOMFILTER, Bloomfilter};
use super::{
    key::Key,
    subject::{
        BUCKET, BUCKETS, FASTBLOOM, Fastbloom, NAIVE, NO_FILTER, Ours, Subject, Unfiltered, on_virtual_clock,
    },
};
use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
};

/// The group of insertions.
pub const SET_GROUP: &str = "map-set";
/// The group of look-ups.
pub const GET_GROUP: &str = "map-get";

/// New keys per bucket: with 60 buckets, a million. A build without optimisation only proves that all is found, and
/// would take minutes to fill a naive map.
const BUCKET_KEYS: u64 = if cfg!(debug_assertions) { 167 } else { 16_667 };
/// Keys that are remembered at any time; up to a bucket more may be.
const WINDOW_KEYS: u64 = BUCKETS * BUCKET_KEYS;
const RECENT_KEYS: u64 = 1_000;
/// Never put.
const UNKNOWN: u64 = 1 << 60;
/// In a sampling run, one operation of so many is timed.
const SAMPLE_EVERY: u64 = 64;

/// What is done with the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Insert a key that was never there.
    NewKey,
    /// Insert a recent key.
    RecentDuplicate,
    /// Insert a key from long ago.
    OldDuplicate,
    /// Get any key.
    Hit,
    /// Get a recent key.
    RecentHit,
    /// Get a key that was never there.
    Miss,
}

impl Op {
    /// All, in the order of the tables.
    pub const ALL: [Self; 6] =
        [Self::NewKey, Self::RecentDuplicate, Self::OldDuplicate, Self::Hit, Self::RecentHit, Self::Miss];

    /// The group it belongs to.
    pub fn group(self) -> &'static str {
        match self {
            Self::NewKey | Self::RecentDuplicate | Self::OldDuplicate => SET_GROUP,
            Self::Hit | Self::RecentHit | Self::Miss => GET_GROUP,
        }
    }

    /// The scenario with keys of this type.
    pub fn scenario<K: Key>(self) -> String {
        let name = match self {
            Self::NewKey => "new-key",
            Self::RecentDuplicate => "recent-duplicate",
            Self::OldDuplicate => "old-duplicate",
            Self::Hit => "hit",
            Self::RecentHit => "recent-hit",
            Self::Miss => "miss",
        };
        format!("{name}-{}", K::NAME)
    }
}

/// The contenders of all operations, on the same maps.
pub fn contenders<K: Key>() -> Vec<(Op, Vec<Contender>)> {
    let entrants = entrants::<K>();
    Op::ALL.map(|op| (op, entrants.iter().map(|entrant| entrant.contender(op)).collect())).into()
}

fn entrants<K: Key>() -> Vec<Entrant> {
    vec![
        entrant::<K, NaiveTimePartitionedMap<K, ()>>(Role::Naive, NAIVE),
        entrant::<K, Ours<K, Fastbloom>>(Role::Ours, FASTBLOOM),
        entrant::<K, Ours<K, Unfiltered>>(Role::Ours, NO_FILTER),
        #[cfg(feature = "bloomfilter")]
        entrant::<K, Ours<K, Bloomfilter>>(Role::Ours, BLOOMFILTER),
    ]
}

fn entrant<K: Key, M: Subject<K>>(role: Role, name: &'static str) -> Entrant {
    Entrant { role, name, bench: Rc::new(Bench::<K, M>(RefCell::new(None))) }
}

/// A map and its name.
struct Entrant {
    role: Role,
    name: &'static str,
    bench: Rc<dyn Operate>,
}

impl Entrant {
    fn contender(&self, op: Op) -> Contender {
        let bench = Rc::clone(&self.bench);
        Contender {
            role: self.role,
            name: self.name.to_owned(),
            producers: 1,
            batch_items_max: 1,
            run: Box::new(move |items, sampling| bench.operate(op, items, sampling)),
        }
    }
}

/// Hides the types of a map; what is timed is inside.
trait Operate {
    fn operate(&self, op: Op, items: u64, sampling: Sampling) -> Run;
}

/// A map that is filled when it is first needed, and from then on stays as full.
struct Bench<K, M>(RefCell<Option<Filled<K, M>>>);

struct Filled<K, M> {
    map: M,
    time: VirtualClock,
    next: u64,
    key: PhantomData<K>,
}

impl<K: Key, M: Subject<K>> Operate for Bench<K, M> {
    fn operate(&self, op: Op, items: u64, sampling: Sampling) -> Run {
        let mut filled =
            RefMut::map(self.0.borrow_mut(), |filled| filled.get_or_insert_with(|| uncounted(Filled::fill)));
        let (started, samples_ns) = (Instant::now(), filled.operate(op, items, sampling));
        let elapsed = started.elapsed();
        let held_item_bytes = filled.verify();
        Run { elapsed, items, samples_ns, held_item_bytes, ..Run::default() }
    }
}

impl<K: Key, M: Subject<K>> Filled<K, M> {
    fn fill() -> Self {
        let (map, time) = on_virtual_clock();
        let mut filled = Self { map, time, next: 0, key: PhantomData };
        (0..WINDOW_KEYS + BUCKET_KEYS).for_each(|_| filled.insert_new());
        filled
    }

    fn operate(&mut self, op: Op, items: u64, sampling: Sampling) -> Vec<u64> {
        let next = self.next;
        let recent = |index: u64| K::of(next - 1 - index % RECENT_KEYS);
        // A multiplier with no factor in common with the range visits the keys in no order.
        let any = |index: u64| K::of(next - 1 - index.wrapping_mul(7_919) % (WINDOW_KEYS - 1));
        let old = |index: u64| K::of(next - WINDOW_KEYS + index.wrapping_mul(7_919) % (WINDOW_KEYS / 2));
        match op {
            Op::NewKey => repeat(items, sampling, |_| self.insert_new()),
            Op::RecentDuplicate => repeat(items, sampling, |index| self.refuse(recent(index))),
            Op::OldDuplicate => repeat(items, sampling, |index| self.refuse(old(index))),
            Op::Hit => repeat(items, sampling, |index| self.find(&any(index), true)),
            Op::RecentHit => repeat(items, sampling, |index| self.find(&recent(index), true)),
            Op::Miss => repeat(items, sampling, |index| self.find(&K::of(UNKNOWN + index), false)),
        }
    }

    #[inline]
    fn insert_new(&mut self) {
        assert!(self.map.insert(K::of(self.next), ()).is_ok(), "the key is new");
        self.next += 1;
        if self.next.is_multiple_of(BUCKET_KEYS) {
            self.time.advance(BUCKET);
        }
    }

    #[inline]
    fn refuse(&self, key: K) {
        assert!(self.map.insert(key, ()).is_err(), "the key is there");
    }

    #[inline]
    fn find(&self, key: &K, is_there: bool) {
        assert_eq!(self.map.get(key).is_some(), is_there, "the key is there, or not");
    }

    /// Panics unless the map holds a window's keys; returns the bytes per key, where the map tells.
    fn verify(&self) -> Option<f64> {
        let keys = self.map.len() as u64;
        assert!((WINDOW_KEYS..=WINDOW_KEYS + BUCKET_KEYS).contains(&keys), "{keys} keys are remembered");
        self.map.held_bytes().map(|bytes| bytes as f64 / keys as f64)
    }
}

fn repeat(items: u64, sampling: Sampling, mut act: impl FnMut(u64)) -> Vec<u64> {
    let mut samples_ns = Vec::new();
    if sampling == Sampling::Off {
        (0..items).for_each(act);
        return samples_ns;
    }
    for index in 0..items {
        let before = index.is_multiple_of(SAMPLE_EVERY).then(Instant::now);
        act(index);
        samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
    }
    samples_ns
}
