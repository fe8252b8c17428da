//! Slab and lane: what a producer publishes, a consumer reads, in order and once; sealed slabs follow each other, are
//! recycled by the last to let go, and a put is undone only if nobody has taken its item.

use super::{check, check_within};
use crate::clock::{Clock, NEVER_NS};
use crate::gate::Claim;
use crate::lane::Lane;
use crate::lane::reader::Room;
use crate::pool::Pool;
use crate::seal::SealReason;
use crate::slab::{Extra, Slab};
use crate::sync::thread;
use loom::sync::Arc;

type Items = u64;

struct Stand {
    lane: Lane<Items, ()>,
    slabs: Pool<Slab<Items, ()>>,
}

fn stand(slabs: usize, capacity: u32) -> Arc<Stand> {
    let pool = Pool::new();
    for _ in 0..slabs {
        pool.fill(|index| Slab::new(index, capacity, false, false));
    }
    let lane = Lane::new(0, pool.take().unwrap(), Clock::system());
    Arc::new(Stand { lane, slabs: pool })
}

impl Stand {
    /// Puts `items`, sealing as the engine does; stops when the pool is dry.
    fn put(&self, items: impl IntoIterator<Item = Items>) -> Vec<Items> {
        // SAFETY: the model has one producer.
        let mut producer = unsafe { self.lane.producer() };
        let mut accepted = Vec::new();
        for item in items {
            if producer.room_in_slab() == 0 {
                let Some(fresh) = self.slabs.take() else { break };
                producer.seal(SealReason::Size, fresh);
            }
            producer.add_credit(1);
            let extra = Extra { slot: 0, deadline_ns: item, ticket: None };
            producer.write(item, 0, Claim::NONE, (item % 2 == 1).then_some(extra));
            accepted.push(item);
        }
        accepted
    }

    /// Takes one part under the claim and handles it outside, as a consumer does.
    fn take(&self, items_max: u32, seen: &mut Vec<Items>) {
        if !self.lane.try_claim() {
            return;
        }
        let run = self.lane.take(&self.slabs, Room::new(items_max, u64::MAX), false);
        self.lane.release_claim();
        let Some(run) = run else { return };
        seen.extend((run.start..run.start + run.len).map(|slot| run.slab().read(slot)));
        for at in run.extras.0..run.extras.1 {
            let extra = run.slab().read_extra(at);
            assert!(extra.slot >= run.start && extra.slot < run.start + run.len);
            assert!(seen.contains(&extra.deadline_ns), "an extra went with another item");
        }
        if run.slab().let_go() {
            self.slabs.give(run.slab());
        }
    }

    fn take_rest(&self, seen: &mut Vec<Items>) {
        while self.lane.accepted() > self.lane.taken_items() {
            self.take(u32::MAX, seen);
        }
    }
}

#[test]
fn what_is_published_is_read_in_order() {
    check(|| {
        let stand = stand(1, 3);
        let other = stand.clone();
        let producer = thread::spawn(move || other.put([1, 2, 3]));
        let mut seen = Vec::new();
        stand.take(u32::MAX, &mut seen);
        stand.take(1, &mut seen);
        producer.join().unwrap();
        stand.take_rest(&mut seen);
        assert_eq!(seen, [1, 2, 3]);
    });
}

#[test]
fn sealed_slabs_follow_each_other_and_are_recycled() {
    check(|| {
        let stand = stand(2, 1);
        let other = stand.clone();
        let producer = thread::spawn(move || other.put([1, 2, 3]));
        let mut seen = Vec::new();
        (0..2).for_each(|_| stand.take(u32::MAX, &mut seen));
        let accepted = producer.join().unwrap();
        stand.take_rest(&mut seen);
        assert_eq!(seen, accepted);
        assert_eq!(stand.lane.taken_items(), accepted.len() as u64);
    });
}

#[test]
fn two_consumers_take_each_item_once() {
    check_within(2, || {
        let stand = stand(2, 2);
        stand.put([1, 2, 3]);
        let other = stand.clone();
        let consumer = thread::spawn(move || {
            let mut seen = Vec::new();
            other.take(1, &mut seen);
            other.take(u32::MAX, &mut seen);
            seen
        });
        let mut seen = Vec::new();
        stand.take(u32::MAX, &mut seen);
        seen.extend(consumer.join().unwrap());
        stand.take_rest(&mut seen);
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3]);
    });
}

#[test]
fn a_put_is_undone_or_taken() {
    check(|| {
        let stand = stand(1, 2);
        stand.put([1]);
        let other = stand.clone();
        let producer = thread::spawn(move || {
            other.put([3]);
            // SAFETY: the model has one producer, and `put` has returned.
            unsafe { other.lane.producer() }.take_back(0)
        });
        let mut seen = Vec::new();
        stand.take(u32::MAX, &mut seen);
        let undone = producer.join().unwrap();
        stand.take_rest(&mut seen);
        seen.extend(undone);
        assert_eq!(seen, [1, 3]);
        assert_eq!(stand.lane.accepted(), if undone.is_some() { 1 } else { 2 });
    });
}

#[test]
fn the_number_accepted_is_exact_across_a_rotation() {
    check(|| {
        let stand = stand(2, 1);
        let other = stand.clone();
        let producer = thread::spawn(move || other.put([1, 2]));
        let first = stand.lane.accepted();
        let second = stand.lane.accepted();
        assert!(first <= second && second <= 2, "{first}, then {second}");
        producer.join().unwrap();
        assert_eq!(stand.lane.accepted(), 2);
        let mut seen = Vec::new();
        stand.take_rest(&mut seen);
    });
}

#[test]
fn a_flush_marks_all_that_was_accepted_before() {
    check(|| {
        let stand = stand(2, 1);
        stand.put([1]);
        let other = stand.clone();
        let producer = thread::spawn(move || other.put([2]));
        stand.lane.mark_for_flush();
        assert!(stand.lane.flush_wants_more());
        let mut seen = Vec::new();
        stand.take_rest(&mut seen);
        producer.join().unwrap();
        stand.take_rest(&mut seen);
        assert!(!stand.lane.flush_wants_more());
        assert_eq!((seen, NEVER_NS), (vec![1, 2], u64::MAX));
    });
}
