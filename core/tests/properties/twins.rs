//! The engine equals its naive twin: the same programs, the same items handled, each exactly once.

use super::config;
use crate::support::{eventually, guarded};
use batchline::naive::{Batching, NaiveBatcher};
use batchline::{
    Batch, Batcher, Deadline, Dispatch, FlushError, Overflow, PutError, PutManyError, Receipt, Stats,
};
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    PutMany(usize),
    Flush,
    Wait(usize),
}

#[derive(Clone, Copy, Debug)]
enum Sealing {
    Linger(u64),
    Never,
    Demand,
}

/// Who handles: worker threads, or the putting threads.
#[derive(Clone, Copy, Debug)]
enum Hands {
    Workers(usize),
    Callers,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    batch_items_max: usize,
    queue_items_max: usize,
    hands: Hands,
    ordered: bool,
    sealing: Sealing,
    overflow: Overflow,
    /// Every so many handler calls one panics.
    panic_every: Option<u64>,
}

#[derive(Clone, Debug)]
struct Program {
    settings: Settings,
    threads: Vec<Vec<Step>>,
    /// After how many yields a thread closes, and whether it drains first.
    close: Option<(usize, bool)>,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => Just(Step::Put),
        5 => (0..100_usize).prop_map(Step::PutMany),
        2 => Just(Step::Flush),
        3 => (1..20_usize).prop_map(Step::Wait),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let hands = prop_oneof![4 => (1..=3_usize).prop_map(Hands::Workers), 1 => Just(Hands::Callers)];
    let sealing = prop_oneof![
        3 => (0..=2000_u64).prop_map(Sealing::Linger),
        1 => Just(Sealing::Never),
        1 => Just(Sealing::Demand),
    ];
    let overflow = prop_oneof![
        4 => Just(Overflow::Block),
        1 => Just(Overflow::RunInCaller),
        1 => Just(Overflow::Fail),
        1 => Just(Overflow::DropNewest),
        1 => (0..500_u64).prop_map(|us| Overflow::BlockFor(Duration::from_micros(us))),
    ];
    let sizes = (1..=64_usize, 0..=128_usize);
    let rest = (any::<bool>(), proptest::option::weighted(0.2, 1..5_u64));
    (sizes, hands, sealing, overflow, rest).prop_map(|((batch, more), hands, sealing, overflow, rest)| {
        let sealing = match (hands, sealing) {
            (Hands::Callers, Sealing::Demand) => Sealing::Never,
            _ => sealing,
        };
        Settings {
            batch_items_max: batch,
            queue_items_max: batch + more,
            hands,
            ordered: rest.0,
            sealing,
            overflow,
            panic_every: rest.1,
        }
    })
}

fn program() -> impl Strategy<Value = Program> {
    let threads = proptest::collection::vec(proptest::collection::vec(step(), 0..40), 1..=4);
    let close = proptest::option::weighted(0.4, (0..60_usize, any::<bool>()));
    (settings(), threads, close).prop_map(|(settings, threads, close)| Program { settings, threads, close })
}

/// What the handlers saw.
#[derive(Debug, Default)]
struct Seen {
    batches: Mutex<Vec<Vec<u64>>>,
    by_thread: [AtomicU64; 4],
    calls: AtomicU64,
    /// Whether a close has returned.
    is_closed: AtomicBool,
}

impl Seen {
    fn handle(&self, batch: &[u64], panic_every: Option<u64>) {
        self.batches.lock().unwrap().push(batch.to_vec());
        for item in batch {
            self.by_thread[(item >> 32) as usize].fetch_add(1, SeqCst);
        }
        let call = 1 + self.calls.fetch_add(1, SeqCst);
        if panic_every.is_some_and(|every| call.is_multiple_of(every)) {
            // No message through the panic hook: thousands of them would drown everything else.
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
}

/// What one thread put, and what came back to it.
#[derive(Debug, Default)]
struct Putter {
    accepted: Vec<u64>,
    refused: Vec<u64>,
    /// After each flush: how many items were accepted before it, and how many of this thread's were handled.
    flushes: Vec<(usize, u64)>,
}

/// One thread at work.
struct Hand<'a, B> {
    batching: &'a B,
    seen: &'a Seen,
    overflow: Overflow,
    thread: usize,
    next: u64,
    putter: Putter,
}

impl<B: Batching<u64>> Hand<'_, B> {
    fn item(&mut self) -> u64 {
        self.next += 1;
        (self.thread as u64) << 32 | self.next
    }

    fn run(mut self, steps: &[Step]) -> Putter {
        for &step in steps {
            match step {
                Step::Put => self.put(),
                Step::PutMany(items) => self.put_many(items),
                Step::Flush => self.flush(),
                Step::Wait(yields) => (0..yields).for_each(|_| thread::yield_now()),
            }
        }
        self.putter
    }

    fn put(&mut self) {
        let (item, was_closed) = (self.item(), self.seen.is_closed.load(SeqCst));
        match self.batching.put(item) {
            Ok(()) => {
                assert!(!was_closed, "a put was accepted after a close had returned");
                self.putter.accepted.push(item);
            }
            Err(error) => {
                self.note_refusal(matches!(error, PutError::Closed(_)));
                assert_eq!(error.into_item(), item, "a refused put returns its item");
                self.putter.refused.push(item);
            }
        }
    }

    fn put_many(&mut self, count: usize) {
        let all: Vec<_> = (0..count).map(|_| self.item()).collect();
        let (mut items, was_closed) = (all.clone(), self.seen.is_closed.load(SeqCst));
        let accepted = match self.batching.put_many(&mut items) {
            Ok(accepted) => {
                // Whoever drops the newest counts them, but does not tell which they were.
                let drops = self.overflow == Overflow::DropNewest;
                assert!(items.is_empty() && (accepted == count || drops && accepted < count));
                assert!(!was_closed || count == 0, "accepted after a close had returned");
                count
            }
            Err(error) => {
                self.note_refusal(matches!(error, PutManyError::Closed { .. }));
                error.accepted()
            }
        };
        assert_eq!(items, all[accepted..], "what was not accepted is still in the vector, in order");
        self.putter.accepted.extend(&all[..accepted]);
        self.putter.refused.extend(items);
    }

    fn note_refusal(&mut self, closed: bool) {
        let may_be_full = !matches!(self.overflow, Overflow::Block | Overflow::RunInCaller);
        assert!(closed || may_be_full, "refused for want of room, by a policy that waits");
    }

    fn flush(&mut self) {
        let result = self.batching.flush();
        assert!(result.is_ok() || result == Err(FlushError::Closed), "{result:?}");
        if result.is_ok() {
            let handled = self.seen.by_thread[self.thread].load(SeqCst);
            self.putter.flushes.push((self.putter.accepted.len(), handled));
        }
    }
}

/// Everything that one batcher did with a program.
#[derive(Debug)]
struct Outcome {
    batches: Vec<Vec<u64>>,
    putters: Vec<Putter>,
    handed_back: Vec<u64>,
    stats: Stats,
}

fn drive<B: Batching<u64> + Sync>(batching: &B, seen: &Seen, program: &Program, drains: bool) -> Outcome {
    let overflow = program.settings.overflow;
    let (putters, mut handed_back) = thread::scope(|scope| {
        let threads: Vec<_> = (0_usize..)
            .zip(&program.threads)
            .map(|(thread, steps)| {
                let putter = Putter::default();
                let hand = Hand { batching, seen, overflow, thread, next: 0, putter };
                scope.spawn(move || hand.run(steps))
            })
            .collect();
        let closer = program.close.map(|(yields, now)| {
            let deadline = if now && !drains { Deadline::now() } else { Deadline::never() };
            scope.spawn(move || {
                (0..yields).for_each(|_| thread::yield_now());
                let handed_back = close(batching, deadline);
                seen.is_closed.store(true, SeqCst);
                handed_back
            })
        });
        let putters: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        (putters, closer.map_or_else(Vec::new, |closer| closer.join().unwrap()))
    });
    handed_back.extend(close(batching, Deadline::never()));
    eventually("every item has its outcome", || batching.stats().live == 0);
    assert!(matches!(batching.put(0), Err(PutError::Closed(0))));
    assert_eq!(batching.flush(), Err(FlushError::Closed));
    let batches = std::mem::take(&mut *seen.batches.lock().unwrap());
    Outcome { batches, putters, handed_back, stats: batching.stats() }
}

fn close<B: Batching<u64>>(batching: &B, deadline: Deadline) -> Vec<u64> {
    let Receipt { items, .. } = checked(batching.close(deadline));
    items
}

fn checked(receipt: Receipt<u64>) -> Receipt<u64> {
    assert!(receipt.is_balanced(), "{receipt:?}");
    assert!(receipt.timed_out || receipt.still_running == 0, "{receipt:?}");
    assert!(receipt.handed_back >= receipt.items.len() as u64, "{receipt:?}");
    receipt
}

fn drive_engine(program: &Program) -> Outcome {
    let (seen, settings) = (Arc::new(Seen::default()), program.settings);
    let builder = Batcher::builder()
        .batch_items_max(settings.batch_items_max)
        .queue_items_max(settings.queue_items_max)
        .ordered(settings.ordered)
        .overflow(settings.overflow)
        .on_failure(|_| {});
    let builder = match settings.hands {
        Hands::Workers(workers) => builder.workers(workers),
        Hands::Callers => builder.dispatch(Dispatch::Caller),
    };
    let builder = match settings.sealing {
        Sealing::Linger(us) => builder.linger(Duration::from_micros(us)),
        Sealing::Never => builder.no_linger(),
        Sealing::Demand => builder.demand(true),
    };
    let by_handler = seen.clone();
    let handler = move |batch: &mut Batch<u64>| by_handler.handle(batch, settings.panic_every);
    let batcher = builder.build(handler).expect("the settings work");
    drive(&batcher, &seen, program, false)
}

fn drive_naive(program: &Program) -> Outcome {
    let (seen, settings) = (Arc::new(Seen::default()), program.settings);
    let linger = match settings.sealing {
        Sealing::Linger(us) => Duration::from_micros(us),
        Sealing::Never | Sealing::Demand => Duration::from_millis(1),
    };
    let by_handler = seen.clone();
    let handler = move |batch: &[u64]| {
        by_handler.handle(batch, settings.panic_every);
        true
    };
    let naive = NaiveBatcher::new(settings.batch_items_max, settings.queue_items_max, linger, handler);
    // The naive one waits for room, whatever the policy.
    let settings = Settings { overflow: Overflow::Block, ..settings };
    drive(&naive, &seen, &Program { settings, ..program.clone() }, true)
}

fn sorted(items: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut items: Vec<_> = items.collect();
    items.sort_unstable();
    items
}

impl Outcome {
    fn handled(&self) -> Vec<u64> {
        sorted(self.batches.iter().flatten().copied())
    }

    /// Every put item, by what its putter was told.
    fn put(&self, part: impl Fn(&Putter) -> &Vec<u64>) -> Vec<u64> {
        sorted(self.putters.iter().flat_map(|putter| part(putter).iter().copied()))
    }

    /// What must hold for each of the twins on its own.
    fn check(&self, settings: &Settings, in_order: bool) {
        let outcomes = sorted(self.handled().into_iter().chain(self.handed_back.iter().copied()));
        let accepted = self.put(|putter| &putter.accepted);
        if settings.overflow == Overflow::DropNewest {
            assert!(outcomes.windows(2).all(|pair| pair[0] < pair[1]), "an item twice: {outcomes:?}");
            assert!(outcomes.iter().all(|item| accepted.binary_search(item).is_ok()), "an item of nobody");
            assert_eq!(outcomes.len() as u64 + self.stats.dropped, accepted.len() as u64);
        } else {
            assert_eq!(outcomes, accepted, "each accepted item has exactly one outcome, and no other");
            self.putters.iter().for_each(|putter| self.check_flushes(putter));
        }
        self.check_counts(outcomes.len() as u64);
        for batch in &self.batches {
            assert!((1..=settings.batch_items_max).contains(&batch.len()), "a batch of {}", batch.len());
        }
        if in_order {
            self.check_order();
        }
    }

    fn check_counts(&self, outcomes: u64) {
        let (stats, handled) = (&self.stats, self.handled().len() as u64);
        assert_eq!(stats.done + stats.failed, handled, "{stats:?}");
        assert_eq!(stats.accepted, outcomes, "{stats:?}");
        assert_eq!(stats.batches, self.batches.len() as u64, "{stats:?}");
    }

    /// Flush is a barrier: what was accepted before was handled, or handed back by a close, when it returned.
    fn check_flushes(&self, putter: &Putter) {
        for &(accepted, handled) in &putter.flushes {
            let before = &putter.accepted[..accepted];
            let handed_back = before.iter().filter(|item| self.handed_back.contains(item)).count();
            assert!(handled as usize + handed_back >= accepted, "{handled} + {handed_back} of {accepted}");
        }
    }

    /// The items of each thread came to the handler in the order of their puts.
    fn check_order(&self) {
        for thread in 0..self.putters.len() as u64 {
            let mine = self.batches.iter().flatten().filter(|&&item| item >> 32 == thread);
            assert!(mine.is_sorted(), "thread {thread}: {:?}", self.batches);
        }
    }
}

fn compare(program: &Program) {
    let (engine, naive) = (drive_engine(program), drive_naive(program));
    let settings = &program.settings;
    let one_hand = matches!(settings.hands, Hands::Workers(1)) && settings.overflow != Overflow::RunInCaller;
    engine.check(settings, one_hand);
    assert!(engine.stats.is_balanced(), "{:?}", engine.stats);
    naive.check(&Settings { overflow: Overflow::Block, ..*settings }, true);
    let put = |outcome: &Outcome| {
        sorted(
            outcome.put(|putter| &putter.accepted).into_iter().chain(outcome.put(|putter| &putter.refused)),
        )
    };
    assert_eq!(put(&engine), put(&naive), "both were given the same");
    let waits = matches!(settings.overflow, Overflow::Block | Overflow::RunInCaller);
    if program.close.is_none() && waits {
        assert_eq!(engine.handled(), naive.handled());
        assert_eq!(engine.handled(), put(&engine), "nobody closed, so all was handled");
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn the_engine_equals_its_naive_twin(program in program()) {
        guarded("a program", move || compare(&program));
    }
}
