//! Scenarios `map-set/threads-*`: insertions into one map by one thread and by two, half of them duplicates.
//!
//! Each run has a fresh map on the system's clock: a virtual one has a lock, for which the threads would wait. Each
//! thread puts keys of its own, every one of them twice.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Instant,
};

use batchline::{Clock, naive::NaiveTimePartitionedMap};

use super::{
    key::Key,
    subject::{Fastbloom, Ours, Subject},
};
use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::Load,
};

/// The rows of one thread and of two.
pub const OURS: [&str; 2] = ["batchline-1-thread", "batchline-2-threads"];
const NAIVE: [&str; 2] = ["naive-1-thread", "naive-2-threads"];
const SAMPLE_EVERY: u64 = 64;

/// The scenario with keys of this type.
pub fn scenario<K: Key>() -> String {
    format!("threads-{}", K::NAME)
}

/// Both maps with one thread and with two.
pub fn contenders<K: Key>() -> Vec<Contender> {
    [1, 2].into_iter().flat_map(contenders_by::<K>).collect()
}

fn contenders_by<K: Key>(producers: usize) -> [Contender; 2] {
    [
        contender(Role::Naive, NAIVE[producers - 1], producers, drive::<K, NaiveTimePartitionedMap<K, ()>>),
        contender(Role::Ours, OURS[producers - 1], producers, drive::<K, Ours<K, Fastbloom>>),
    ]
}

fn contender(role: Role, name: &str, producers: usize, drive: fn(Load, Sampling) -> Run) -> Contender {
    let run = move |items, sampling| drive(Load { producers, items }, sampling);
    Contender { role, name: name.to_owned(), producers, batch_items_max: 1, run: Box::new(run) }
}

fn drive<K: Key, M: Subject<K> + Send + Sync>(load: Load, sampling: Sampling) -> Run {
    let barrier = Arc::new(Barrier::new(load.producers + 1));
    let (map, putters) = uncounted(|| {
        let map = Arc::new(M::open(Clock::system()));
        let spawn = |index| {
            let (map, barrier) = (Arc::clone(&map), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                put_share::<K, M>(&map, load, index, sampling)
            })
        };
        let putters: Vec<_> = (0..load.producers).map(spawn).collect();
        (map, putters)
    });
    barrier.wait();
    let mut run = Run { items: load.items, ..Run::default() };
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut keys = 0;
    for putter in putters {
        let put = putter.join().expect("a putter panicked");
        starts.push(put.started);
        ends.push(put.ended);
        keys += put.keys;
        run.samples_ns.extend(put.samples_ns);
    }
    assert_eq!(map.len() as u64, keys, "keys remembered, new keys put");
    let (first, last) = (starts.into_iter().min(), ends.into_iter().max());
    run.elapsed = last.zip(first).map(|(last, first)| last - first).expect("at least one putter");
    run
}

/// What one thread did, and when.
struct Put {
    started: Instant,
    ended: Instant,
    keys: u64,
    samples_ns: Vec<u64>,
}

fn put_share<K: Key, M: Subject<K>>(map: &M, load: Load, index: usize, sampling: Sampling) -> Put {
    let (mut samples_ns, mut keys) = (Vec::new(), 0);
    let started = Instant::now();
    for (step, item) in load.share(index).enumerate() {
        // Each key twice: the second time it is a duplicate. Two threads share no key.
        let number = (index as u64) << 48 | (step as u64 / 2);
        let samples = sampling == Sampling::On && item % SAMPLE_EVERY == 0;
        let before = samples.then(Instant::now);
        let is_new = map.insert(K::of(number), ()).is_ok();
        samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
        assert_eq!(is_new, step % 2 == 0, "every second one is a duplicate");
        keys += u64::from(is_new);
    }
    Put { started, ended: Instant::now(), keys, samples_ns }
}
