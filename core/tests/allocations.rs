//! Steady state allocates nothing: a counting allocator watches every way in, every seal and every dispatch mode,
//! over all threads. One test runs all cases in sequence, so that no other test's allocations are counted.

#[path = "support/counting_alloc.rs"]
mod counting_alloc;
mod support;

use batchline::{
    Batch, Batcher, Builder, Clock, Deadline, Dispatch, ItemOptions, Overflow, PutError, SealReason, Ticket,
    VirtualClock,
};
use counting_alloc::Counting;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;
use support::{assert_balanced, guarded};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const MS: Duration = Duration::from_millis(1);
const WINDOWS_MAX: usize = 40;
const ROUNDS: usize = 25;

/// What was seen of each case: its name, and what its last windows allocated.
type Findings = Vec<(String, u64)>;

/// Runs `round` until three windows in a row allocate nothing; notes the case when that never comes.
fn watch(findings: &mut Findings, name: &str, mut round: impl FnMut()) {
    let (mut quiet, mut last) = (0, 0);
    for _ in 0..WINDOWS_MAX {
        let before = ALLOCATOR.count();
        (0..ROUNDS).for_each(|_| round());
        last = ALLOCATOR.count() - before;
        quiet = if last == 0 { quiet + 1 } else { 0 };
        if quiet == 3 {
            return;
        }
    }
    findings.push((name.to_string(), last));
}

fn finish<R: Send + 'static>(batcher: &Batcher<u64, R>, reason: Option<SealReason>) {
    batcher.close(Deadline::never());
    let stats = batcher.stats();
    assert_balanced(&stats);
    assert!(stats.accepted > 0);
    if let Some(reason) = reason {
        assert!(stats.batches_for(reason) > 0, "no batch by {reason}: {stats:?}");
    }
}

fn handled(builder: Builder<u64>) -> Batcher<u64> {
    builder.build(|batch: &mut Batch<u64>| assert!(!batch.is_empty())).unwrap()
}

/// Each way in, with the flush that ends the round.
fn watch_ways_in(findings: &mut Findings, mode: &str, make: &dyn Fn() -> Batcher<u64>) {
    let batcher = make();
    watch(findings, &format!("{mode}: put and flush"), || {
        (0..250).for_each(|item| batcher.put(item).unwrap());
        batcher.flush().unwrap();
    });
    let mut items = Vec::with_capacity(1000);
    watch(findings, &format!("{mode}: put_many"), || {
        items.extend(0..1000);
        batcher.put_many(&mut items).unwrap();
        batcher.flush().unwrap();
    });
    let mut producer = batcher.producer();
    watch(findings, &format!("{mode}: Producer::put"), || {
        (0..250).for_each(|item| producer.put(item).unwrap());
        items.extend(0..100);
        producer.put_many(&mut items).unwrap();
        batcher.flush().unwrap();
    });
    let mut tickets: Vec<Ticket> = Vec::with_capacity(100);
    watch(findings, &format!("{mode}: submit and wait"), || {
        tickets.extend((0..100).map(|item| batcher.submit(item).unwrap()));
        batcher.flush().unwrap();
        tickets.drain(..).for_each(|ticket| ticket.wait().unwrap());
    });
    watch(findings, &format!("{mode}: submit, poll and cancel"), || {
        tickets.extend((0..40).map(|item| batcher.submit(item).unwrap()));
        let mut context = Context::from_waker(Waker::noop());
        for ticket in &mut tickets {
            ticket.cancel();
            let _ = Pin::new(ticket).poll(&mut context);
        }
        tickets.clear();
        batcher.flush().unwrap();
    });
    watch(findings, &format!("{mode}: stats"), || assert!(batcher.stats().accepted > 0));
    drop(producer);
    finish(&batcher, Some(SealReason::Flush));
}

fn watch_modes(findings: &mut Findings) {
    let new = || Batcher::<u64>::builder().batch_items_max(64).linger(Duration::from_secs(3600));
    watch_ways_in(findings, "thread", &|| handled(new()));
    watch_ways_in(findings, "two threads", &|| handled(new().workers(2)));
    watch_ways_in(findings, "ordered", &|| handled(new().ordered(true)));
    watch_ways_in(findings, "caller", &|| handled(new().dispatch(Dispatch::Caller)));
    watch_ways_in(findings, "ordered caller", &|| handled(new().dispatch(Dispatch::Caller).ordered(true)));
    watch_ways_in(findings, "weighed", &|| handled(new().weigher(|item| *item as usize % 8)));
    watch_ways_in(findings, "per worker", &|| {
        new().build_per_worker(|_| |batch: &mut Batch<u64>| assert!(!batch.is_empty())).unwrap()
    });
}

fn watch_polled(findings: &mut Findings) {
    let new = || Batcher::<u64>::builder().batch_items_max(8);
    let time = VirtualClock::new();
    let timed = || new().clock(Clock::from(&time)).on_failure(|_| {});
    let take = |batcher: &Batcher<u64>, reason: SealReason| {
        let mut batch = batcher.next_batch(Duration::ZERO).expect("a batch");
        assert_eq!(batch.reason(), reason);
        assert!(batch.drain().count() > 0);
    };
    let batcher = timed().linger(MS).build_poll().unwrap();
    watch(findings, "poll: size", || {
        (0..8).for_each(|item| batcher.put(item).unwrap());
        take(&batcher, SealReason::Size);
    });
    watch(findings, "poll: linger in virtual time", || {
        batcher.put(1).unwrap();
        time.advance(MS);
        take(&batcher, SealReason::Linger);
    });
    watch(findings, "poll: expired", || {
        batcher.put_with(1, ItemOptions::new().deadline(MS)).unwrap();
        time.advance(2 * MS);
        let _nothing_else = batcher.next_batch(Duration::ZERO).is_none();
    });
    finish(&batcher, Some(SealReason::Linger));
    let batcher = timed().no_linger().tick(MS).build_poll().unwrap();
    watch(findings, "poll: tick in virtual time", || {
        batcher.put(1).unwrap();
        time.advance(MS);
        take(&batcher, SealReason::Tick);
    });
    finish(&batcher, Some(SealReason::Tick));
    let batcher = new().demand(true).build_poll().unwrap();
    watch(findings, "poll: demand", || {
        batcher.put(1).unwrap();
        take(&batcher, SealReason::Demand);
    });
    finish(&batcher, Some(SealReason::Demand));
    let batcher = new().weigher(|item| *item as usize).batch_bytes_max(10).no_linger().build_poll().unwrap();
    batcher.put(6).unwrap();
    watch(findings, "poll: bytes", || {
        batcher.put(6).unwrap();
        take(&batcher, SealReason::Bytes);
    });
    assert_eq!(batcher.close(Deadline::now()).items, [6]);
    finish(&batcher, Some(SealReason::Bytes));
}

fn watch_poller_thread(findings: &mut Findings) {
    let builder = Batcher::<u64>::builder().batch_items_max(64).linger(Duration::from_secs(3600));
    let batcher = Arc::new(builder.build_poll().unwrap());
    let polled = batcher.clone();
    let poller = thread::spawn(move || while polled.next_batch(Duration::MAX).is_some() {});
    watch(findings, "poller thread: put and flush", || {
        (0..100).for_each(|item| batcher.put(item).unwrap());
        batcher.flush().unwrap();
    });
    finish(&batcher, Some(SealReason::Flush));
    poller.join().unwrap();
}

/// Seals by timers and by free workers, in real time.
fn watch_timers(findings: &mut Findings) {
    let new = || Batcher::<u64>::builder().batch_items_max(64);
    let quick = Duration::from_micros(200);
    let cases: [(&str, Builder<u64>, SealReason); 5] = [
        ("thread: linger", new().linger(quick), SealReason::Linger),
        ("thread: tick", new().no_linger().tick(quick), SealReason::Tick),
        ("thread: demand", new().demand(true), SealReason::Demand),
        ("caller: linger", new().linger(quick).dispatch(Dispatch::Caller), SealReason::Linger),
        ("caller: tick", new().no_linger().tick(quick).dispatch(Dispatch::Caller), SealReason::Tick),
    ];
    for (name, builder, reason) in cases {
        let batcher = handled(builder);
        watch(findings, name, || {
            (0..5).for_each(|item| batcher.put(item).unwrap());
            batcher.submit(1).unwrap().wait().unwrap();
        });
        finish(&batcher, Some(reason));
    }
    let batcher = handled(new().weigher(|item| *item as usize).batch_bytes_max(10));
    watch(findings, "thread: bytes", || {
        (0..20).for_each(|_| batcher.put(6).unwrap());
        batcher.flush().unwrap();
    });
    // Who comes first, the worker or the flush, gives the reason; each batch holds what the bytes allow.
    assert_eq!(batcher.stats().batch_items_peak, 1);
    finish(&batcher, None);
    let batcher = handled(new().linger(quick));
    watch(findings, "thread: a deadline", || {
        let options = ItemOptions::new().deadline(Duration::from_secs(60)).linger(quick);
        batcher.submit_with(1, options).unwrap().wait().unwrap();
    });
    finish(&batcher, Some(SealReason::Linger));
}

fn watch_full_queues(findings: &mut Findings) {
    let new = || Batcher::<u64>::builder().batch_items_max(4).queue_items_max(8);
    let batcher = handled(new());
    let mut items = Vec::with_capacity(500);
    watch(findings, "thread: blocked puts", || {
        items.extend(0..500);
        batcher.put_many(&mut items).unwrap();
        (0..50).for_each(|item| batcher.put(item).unwrap());
        batcher.flush().unwrap();
    });
    finish(&batcher, Some(SealReason::Size));
    let batcher = new().overflow(Overflow::Fail).build_poll().unwrap();
    items.extend(0..8);
    batcher.put_many(&mut items).unwrap();
    watch(findings, "poll: refused puts", || {
        assert_eq!(batcher.put(1), Err(PutError::Full(1)));
        assert_eq!(batcher.put_timeout(1, Duration::from_micros(50)), Err(PutError::TimedOut(1)));
    });
    watch(findings, "poll: refused submits", || assert!(batcher.submit(1).is_err()));
    batcher.close(Deadline::now());
    assert_balanced(&batcher.stats());
    let batcher = handled(new().overflow(Overflow::RunInCaller));
    watch(findings, "run in caller", || {
        (0..100).for_each(|item| batcher.put(item).unwrap());
        batcher.flush().unwrap();
    });
    finish(&batcher, None);
}

fn watch_replies(findings: &mut Findings) {
    let builder = Batcher::<u64>::builder().replies::<u64>().batch_items_max(16);
    let built = builder.build(|batch: &mut Batch<u64, u64>| {
        for index in 0..batch.len() {
            let reply = batch[index] * 2;
            batch.reply(index, reply);
        }
    });
    let batcher = built.unwrap();
    let mut tickets = Vec::with_capacity(100);
    watch(findings, "thread: replies", || {
        tickets.extend((0..100).map(|item| batcher.submit(item).unwrap()));
        batcher.flush().unwrap();
        assert!(tickets.drain(..).map(|ticket| ticket.wait().unwrap()).eq((0..100).map(|item| item * 2)));
    });
    finish(&batcher, None);
}

/// C46: behind a deduplication window, too. Each round brings new keys and a new bucket of time; a window is 16 rounds.
#[cfg(feature = "dedup")]
mod window {
    use super::*;
    use batchline::dedup::{AtCap, Dedup, Filter, TimePartitionedMap, Window};

    const BUCKET: Duration = Duration::from_millis(10);

    const FILTERS: &[Filter] = &[
        Filter::None,
        Filter::Fastbloom,
        #[cfg(feature = "bloomfilter")]
        Filter::Bloomfilter,
    ];

    /// Below 8192 keys there is one shard, to which equally many come in each bucket.
    fn settings(keys_max: usize) -> Window {
        Window::new(16 * BUCKET).bucket(BUCKET).keys_max(keys_max)
    }

    /// With one shard nothing is allocated at all. Keys that spread over 64 shards come in other numbers to each of
    /// them in each bucket, so what they are kept in still grows now and then: less than once for a hundred keys.
    fn watch_by(findings: &mut Findings, name: &str, keys_max: usize, keys: u64, mut round: impl FnMut()) {
        if keys_max < 8192 {
            return watch(findings, name, round);
        }
        (0..10 * ROUNDS).for_each(|_| round());
        let before = ALLOCATOR.count();
        (0..ROUNDS).for_each(|_| round());
        let allocations = ALLOCATOR.count() - before;
        if 100 * allocations > ROUNDS as u64 * keys {
            findings.push((name.to_string(), allocations));
        }
    }

    fn long_key(item: u64) -> [u8; 32] {
        std::array::from_fn(|byte| item.to_le_bytes()[byte % 8] ^ byte as u8)
    }

    fn watch_maps(findings: &mut Findings) {
        for &filter in FILTERS {
            for keys_max in [8000, 1 << 20] {
                let time = VirtualClock::new();
                let settings = settings(keys_max).filter(filter);
                let map = TimePartitionedMap::with_clock(settings, Clock::from(&time)).unwrap();
                let mut next = 0_u64;
                watch_by(findings, &format!("map of u64, {filter:?}, {keys_max}"), keys_max, 400, || {
                    (next..next + 400).for_each(|key| map.insert(key, [key; 2]).unwrap());
                    (next..next + 400).for_each(|key| assert!(map.insert(key, [0; 2]).is_err()));
                    let older = next + 399 - next.min(2000);
                    assert!(map.get(&older).is_some() && map.remove(&next).is_some());
                    next += 400;
                    time.advance(BUCKET);
                });
                let seen = Dedup::with_clock(settings, Clock::from(&time)).unwrap();
                watch_by(
                    findings,
                    &format!("is_new of 32 bytes, {filter:?}, {keys_max}"),
                    keys_max,
                    400,
                    || {
                        (next..next + 400).for_each(|key| assert!(seen.is_new(long_key(key)).unwrap()));
                        (next..next + 400).for_each(|key| assert!(!seen.is_new(long_key(key)).unwrap()));
                        (next..next + 20).for_each(|key| drop(seen.claim(long_key(u64::MAX - key)).unwrap()));
                        next += 400;
                        time.advance(BUCKET);
                    },
                );
            }
        }
        let time = VirtualClock::new();
        let settings = settings(2000).at_cap(AtCap::ForgetOldest);
        let seen = Dedup::with_clock(settings, Clock::from(&time)).unwrap();
        let mut next = 0;
        watch(findings, "is_new at the cap", || {
            (next..next + 400).for_each(|key| assert!(seen.is_new(long_key(key)).unwrap()));
            next += 400;
            time.advance(BUCKET);
        });
    }

    /// Every way in, with new keys and with duplicates, and the flush that ends the round.
    fn watch_batcher(
        findings: &mut Findings,
        mode: &str,
        keys_max: usize,
        batcher: &Batcher<u64>,
        time: &VirtualClock,
    ) {
        let (mut next, mut items) = (0, Vec::with_capacity(200));
        let mut producer = batcher.producer();
        let mut tickets: Vec<Ticket> = Vec::with_capacity(100);
        watch_by(findings, &format!("{mode}, {keys_max}: behind a window"), keys_max, 400, || {
            (next..next + 100).for_each(|item| batcher.put(item).unwrap());
            (next..next + 100).for_each(|item| assert!(batcher.put(item).is_err()));
            items.extend(next + 50..next + 200);
            assert!(batcher.put_many(&mut items).is_err() && items.len() == 50);
            items.clear();
            (next + 200..next + 300).for_each(|item| producer.put(item).unwrap());
            tickets.extend((next + 300..next + 400).map(|item| batcher.submit(item).unwrap()));
            // Unless a full batch has taken it along already.
            let _ = tickets[99].cancel();
            assert!(batcher.submit(next).is_err());
            batcher.flush().unwrap();
            tickets.drain(..).for_each(|ticket| drop(ticket.wait()));
            next += 400;
            time.advance(BUCKET);
        });
        drop(producer);
        finish(batcher, None);
    }

    fn watch_mode(findings: &mut Findings, mode: &str, adapt: &dyn Fn(Builder<u64>) -> Builder<u64>) {
        for keys_max in [8000, 1 << 20] {
            let time = VirtualClock::new();
            let new =
                || adapt(Batcher::<u64>::builder().batch_items_max(64).no_linger().clock(Clock::from(&time)));
            let batcher = handled(new().dedup(settings(keys_max), |item| *item));
            watch_batcher(findings, &format!("{mode}, u64"), keys_max, &batcher, &time);
            let batcher = handled(new().dedup(settings(keys_max), |item| long_key(*item)));
            watch_batcher(findings, &format!("{mode}, 32 bytes"), keys_max, &batcher, &time);
        }
    }

    /// Keys that are released again and again. By cancellations: a failure keeps its error in an allocation.
    fn watch_releases(findings: &mut Findings) {
        let time = VirtualClock::new();
        let builder = Batcher::<u64>::builder().batch_items_max(64).clock(Clock::from(&time));
        let batcher = builder.dedup(settings(8000), |item| long_key(*item)).build_poll().unwrap();
        let (mut next, mut tickets) = (0, Vec::<Ticket>::with_capacity(64));
        watch(findings, "poll: half of each batch is cancelled", || {
            for _ in 0..4 {
                tickets.extend((next..next + 63).map(|item| batcher.submit(item).unwrap()));
                tickets.drain(..32).for_each(|ticket| assert!(ticket.cancel()));
                tickets.push(batcher.submit(next + 63).unwrap());
                assert_eq!(batcher.next_batch(Duration::ZERO).map_or(0, |batch| batch.len()), 32);
                tickets.drain(..).for_each(|ticket| ticket.wait().unwrap());
                // The cancelled ones come again, with new ones.
                (next..next + 32).for_each(|item| batcher.put(item).unwrap());
                (next + 64..next + 96).for_each(|item| batcher.put(item).unwrap());
                assert!(batcher.next_batch(Duration::ZERO).is_some());
                next += 96;
            }
            time.advance(BUCKET);
        });
        finish(&batcher, Some(SealReason::Size));
    }

    fn watch_polled(findings: &mut Findings) {
        let time = VirtualClock::new();
        for keys_max in [8000, 1 << 20] {
            let builder = Batcher::<u64>::builder().batch_items_max(64).clock(Clock::from(&time));
            let batcher = builder.dedup(settings(keys_max), |item| long_key(*item)).build_poll().unwrap();
            let mut next = 0;
            watch_by(findings, &format!("poll: behind a window, {keys_max}"), keys_max, 384, || {
                for _ in 0..6 {
                    (next..next + 64).for_each(|item| batcher.put(item).unwrap());
                    assert!(batcher.put(next).is_err());
                    assert_eq!(batcher.next_batch(Duration::ZERO).map_or(0, |batch| batch.len()), 64);
                    next += 64;
                }
                time.advance(BUCKET);
            });
            finish(&batcher, Some(SealReason::Size));
        }
    }

    pub(super) fn watch_all(findings: &mut Findings) {
        watch_maps(findings);
        watch_mode(findings, "thread", &|builder| builder);
        watch_mode(findings, "ordered", &|builder| builder.ordered(true));
        watch_mode(findings, "caller", &|builder| builder.dispatch(Dispatch::Caller));
        watch_polled(findings);
        watch_releases(findings);
    }
}

#[test]
fn steady_state_allocates_nothing() {
    // The machine is slow at times; the whole is bounded by its rounds, each of which has the watchdog's patience.
    let findings = guarded("allocations", || {
        let mut findings = Findings::new();
        watch_modes(&mut findings);
        watch_polled(&mut findings);
        watch_poller_thread(&mut findings);
        watch_timers(&mut findings);
        watch_full_queues(&mut findings);
        watch_replies(&mut findings);
        findings
    });
    assert!(findings.is_empty(), "cases that allocate, and how often in {ROUNDS} rounds: {findings:#?}");
    #[cfg(feature = "dedup")]
    {
        let watched = guarded("allocations behind a window", || {
            let mut findings = Findings::new();
            window::watch_all(&mut findings);
            findings
        });
        assert!(watched.is_empty(), "cases that allocate, and how often in {ROUNDS} rounds: {watched:#?}");
    }
    let before = ALLOCATOR.count();
    drop(Box::new(1));
    assert!(ALLOCATOR.count() > before || cfg!(not(debug_assertions)), "the allocator does not count");
}
