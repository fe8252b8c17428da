//! Scenario `overload`: a handler slower than the producers; how long each put takes until it is accepted or refused.
//!
//! Two threads put as fast as they can into a batcher bound at four batches, whose handler sleeps 50 ms per batch,
//! longer than `BlockFor` allows. The floor is the same loop without the put: what the clock and the machine add.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use batchline::{Batch, Batcher, Deadline, Overflow, PutError};

use crate::{interleave::Role, latency::Latency};

/// The name of this scenario.
pub const SCENARIO: &str = "overload";
/// The longest a put may wait under [`BLOCK_FOR`].
pub const PUT_DEADLINE: Duration = Duration::from_millis(20);
/// The loop without the put.
pub const FLOOR: &str = "floor-two-clock-reads";
/// Blocks until its deadline.
pub const BLOCK_FOR: &str = "batchline-block-for-20-ms";
/// Refuses at once.
pub const FAIL: &str = "batchline-fail";

const PRODUCERS: usize = 2;
const BATCH_ITEMS: usize = 100;
const HANDLER_SLEEP: Duration = Duration::from_millis(50);

/// Runs the floor and both overflow policies for `duration` each.
pub fn measure(duration: Duration) -> Vec<Latency> {
    let floor = hammer(&Latency::new(Role::Floor, FLOOR), duration, |_| Put::Accepted);
    let block_for = measure_policy(BLOCK_FOR, Overflow::BlockFor(PUT_DEADLINE), duration);
    vec![floor, block_for, measure_policy(FAIL, Overflow::Fail, duration)]
}

/// What became of one put.
enum Put {
    Accepted,
    Refused,
}

fn measure_policy(name: &str, overflow: Overflow, duration: Duration) -> Latency {
    let handled = Arc::new(AtomicU64::new(0));
    let sink = Arc::clone(&handled);
    let batcher = Batcher::<u64>::builder()
        .batch_items_max(BATCH_ITEMS)
        .queue_items_max(4 * BATCH_ITEMS)
        .overflow(overflow)
        .build(move |batch: &mut Batch<u64>| {
            thread::sleep(HANDLER_SLEEP);
            sink.fetch_add(batch.len() as u64, Ordering::Relaxed);
        })
        .expect("the settings are sound");
    let accepted = AtomicU64::new(0);
    let mut latency = hammer(&Latency::new(Role::Ours, name), duration, |item| match batcher.put(item) {
        Ok(()) => {
            accepted.fetch_add(1, Ordering::Relaxed);
            Put::Accepted
        }
        Err(PutError::Full(_) | PutError::TimedOut(_)) => Put::Refused,
        Err(_) => panic!("an open batcher accepts, or says that it is full"),
    });
    assert!(batcher.close(Deadline::never()).is_balanced(), "the receipt adds up");
    let (accepted, handled) = (accepted.into_inner(), handled.load(Ordering::SeqCst));
    assert_eq!(accepted, handled, "items accepted, items handled");
    latency.remark = format!("{accepted} accepted, {}", latency.remark);
    latency
}

/// Puts from all producers until `duration` is over, timing each put.
fn hammer(empty: &Latency, duration: Duration, put: impl Fn(u64) -> Put + Sync) -> Latency {
    let until = Instant::now() + duration;
    let produce = || {
        let (mut latency, mut refused, mut before) = (empty.clone(), 0_u64, Instant::now());
        while before < until {
            let outcome = put(refused);
            latency.record(before.elapsed());
            refused += u64::from(matches!(outcome, Put::Refused));
            before = Instant::now();
        }
        (latency, refused)
    };
    thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS).map(|_| scope.spawn(produce)).collect();
        let (mut total, mut refused) = (empty.clone(), 0);
        for producer in producers {
            let (latency, share) = producer.join().expect("a producer panicked");
            total.absorb(&latency);
            refused += share;
        }
        total.remark = format!("{refused} refused");
        total
    })
}
