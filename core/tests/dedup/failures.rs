//! C40: a key whose item failed may be put again at once; one whose item succeeded is a duplicate until the window
//! ends.

use crate::support::modes::{Kind, MODES, Mode, Rig};
use crate::support::{PATIENCE, assert_balanced, guarded, receive};
use crate::{BUCKET, WINDOW, assert_duplicate, plain, window};
use batchline::{
    Batch, Batcher, Clock, Deadline, Dispatch, Failure, PutError, Retry, TicketError, VirtualClock,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

const BAD: u64 = 666;

/// By which way somebody learns of a failure.
#[derive(Clone, Copy, Debug)]
enum Teller {
    Ticket,
    Hook,
    Flush,
}

fn a_failed_batch_may_be_put_again(mode: Mode, teller: Teller) {
    let fails = Arc::new(AtomicBool::new(true));
    let (tell, told) = channel();
    let builder = plain(3).on_failure(move |report| {
        let _ = tell.send(report.items);
    });
    let by_handler = fails.clone();
    let rig: Rig<u64> = mode.start_any(builder, move |_| match by_handler.load(SeqCst) {
        true => Err("the backend is away".into()),
        false => Ok(()),
    });
    let tickets = [1, 2, 3].map(|item| rig.batcher.submit(item).unwrap());
    match teller {
        Teller::Ticket => tickets.into_iter().for_each(|ticket| drop(ticket.wait().unwrap_err())),
        Teller::Hook => assert_eq!(receive("the hook", &told), 3),
        Teller::Flush => rig.batcher.flush().unwrap(),
    }
    fails.store(false, SeqCst);
    for item in [1, 2, 3] {
        rig.batcher.put(item).unwrap_or_else(|_| panic!("{item} in {mode:?} by {teller:?}"));
    }
    rig.batcher.flush().unwrap();
    [1, 2, 3].into_iter().for_each(|item| assert_duplicate(rig.batcher.put(item), item));
    let stats = rig.batcher.stats();
    assert_eq!((stats.failed, stats.done, stats.duplicates, stats.refused), (3, 3, 3, 3));
    rig.close();
}

#[test]
fn c40_a_key_whose_batch_failed_may_be_put_again_as_soon_as_anybody_can_know() {
    for mode in MODES {
        for teller in [Teller::Ticket, Teller::Hook, Teller::Flush] {
            guarded("C40", move || a_failed_batch_may_be_put_again(mode, teller));
        }
    }
}

#[test]
fn c40_the_hook_itself_may_put_the_failed_keys_again() {
    for mode in MODES {
        guarded("C40 hook", move || {
            let slot = Arc::new(OnceLock::<Weak<Batcher<u64>>>::new());
            let (tell, told) = channel();
            let (again, is_first) = (slot.clone(), AtomicBool::new(true));
            let builder = plain(2).queue_items_max(8).on_failure(move |_| {
                let batcher = again.get().and_then(Weak::upgrade).expect("it is open");
                let _ = tell.send([1, 2].map(|item| batcher.try_put(item)));
            });
            let rig: Rig<u64> = mode.start_any(builder, move |_| match is_first.swap(false, SeqCst) {
                true => Err("once".into()),
                false => Ok(()),
            });
            slot.set(Arc::downgrade(&rig.batcher)).unwrap();
            rig.batcher.put(1).unwrap();
            rig.batcher.put(2).unwrap();
            assert_eq!(receive("the hook", &told), [Ok(()), Ok(())], "{mode:?}");
            rig.batcher.flush().unwrap();
            assert_duplicate(rig.batcher.put(1), 1);
            rig.close();
        });
    }
}

#[test]
fn c40_a_panic_releases_every_key_of_its_batch() {
    for (dispatch, ordered) in
        [(Dispatch::Thread, false), (Dispatch::Thread, true), (Dispatch::Caller, false)]
    {
        guarded("C40 panic", move || {
            let built = plain(3).dispatch(dispatch).ordered(ordered).build(|batch: &mut Batch<u64>| {
                if batch.contains(&BAD) {
                    resume_unwind(Box::new("on purpose"));
                }
            });
            let batcher = built.unwrap();
            let tickets = [1, BAD, 2].map(|item| batcher.submit(item).unwrap());
            for ticket in tickets {
                let outcome = ticket.wait();
                assert!(matches!(outcome, Err(TicketError::Failed(Failure::Panicked(_)))), "{outcome:?}");
            }
            batcher.put_many(&mut vec![1, 2, 3]).unwrap();
            batcher.flush().unwrap();
            assert_duplicate(batcher.put(1), 1);
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn c40_a_poller_that_panics_releases_the_keys_of_its_batch() {
    let batcher = plain(2).build_poll().unwrap();
    batcher.put_many(&mut vec![1, 2]).unwrap();
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _batch = batcher.next_batch(Duration::ZERO).unwrap();
        resume_unwind(Box::new("on purpose"));
    }));
    assert!(polled.is_err());
    batcher.put_many(&mut vec![1, 2]).unwrap();
    drop(batcher.next_batch(Duration::ZERO).unwrap());
    assert_duplicate(batcher.put(2), 2);
}

#[test]
fn c40_an_item_that_failed_alone_is_released_alone() {
    for (dispatch, ordered) in [(Dispatch::Thread, false), (Dispatch::Thread, true), (Dispatch::Caller, true)]
    {
        guarded("C40 fail(i)", move || {
            let is_first = AtomicBool::new(true);
            let built = plain(10).dispatch(dispatch).ordered(ordered).build(move |batch: &mut Batch<u64>| {
                let odd = (0..batch.len()).filter(|index| index % 2 == 1).collect::<Vec<_>>();
                if is_first.swap(false, SeqCst) {
                    odd.into_iter().for_each(|index| batch.fail(index, "odd"));
                }
            });
            let batcher = built.unwrap();
            let tickets: Vec<_> = (0..10).map(|item| (item, batcher.submit(item).unwrap())).collect();
            for (item, ticket) in tickets {
                assert_eq!(ticket.wait().is_err(), item % 2 == 1);
                let again = batcher.put(item);
                if item % 2 == 1 { again.unwrap() } else { assert_duplicate(again, item) }
            }
            batcher.flush().unwrap();
            (0..10).for_each(|item| assert_duplicate(batcher.put(item), item));
            batcher.close(Deadline::never());
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn c40_a_polled_item_that_failed_alone_is_released_alone() {
    let batcher = plain(4).build_poll().unwrap();
    batcher.put_many(&mut vec![1, 2, 3, 4]).unwrap();
    batcher.next_batch(Duration::ZERO).unwrap().fail(2, "the third");
    for item in [1, 2, 4] {
        assert_duplicate(batcher.put(item), item);
    }
    batcher.put(3).unwrap();
}

#[test]
fn c40_a_bisected_batch_releases_the_bad_items_only() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("C40 bisect", move || {
            let built = plain(16)
                .dispatch(dispatch)
                .retry(Retry::bisect(1000))
                .build(|batch: &mut Batch<u64>| if batch.contains(&BAD) { Err("bad") } else { Ok(()) });
            let batcher = built.unwrap();
            let items = (0..15).chain([BAD]);
            let tickets: Vec<_> = items.map(|item| (item, batcher.submit(item).unwrap())).collect();
            for (item, ticket) in tickets {
                assert_eq!(ticket.wait().is_err(), item == BAD);
            }
            (0..15).for_each(|item| assert_duplicate(batcher.put(item), item));
            batcher.submit(BAD).unwrap().cancel();
        });
    }
}

#[test]
fn c40_a_producer_and_an_ordered_batcher_release_alike() {
    for ordered in [false, true] {
        let batcher = plain(2).ordered(ordered).build_poll().unwrap();
        let mut producer = batcher.producer();
        producer.put(1).unwrap();
        assert_duplicate(batcher.put(1), 1);
        assert_duplicate(producer.try_put(1), 1);
        producer.put(2).unwrap();
        batcher.next_batch(Duration::ZERO).unwrap().fail_all("no");
        batcher.put(2).unwrap();
        assert_duplicate(producer.put(2), 2);
        producer.put(1).unwrap();
        assert_eq!(batcher.stats().duplicates, 3);
    }
}

#[test]
fn c40_a_keyed_batcher_has_one_window_for_all_its_keys() {
    guarded("C40 keyed", || {
        let fails = Arc::new(AtomicBool::new(true));
        let by_handler = fails.clone();
        let built = plain(2).keyed::<u32>().build(
            move |_: &u32, _: &mut Batch<u64>| {
                if by_handler.load(SeqCst) { Err("no") } else { Ok(()) }
            },
        );
        let batcher = built.unwrap();
        let tickets = [batcher.submit(&1, 1).unwrap(), batcher.submit(&2, 2).unwrap()];
        assert_duplicate(batcher.put(&2, 1), 1);
        assert_eq!(batcher.submit(&3, 2).unwrap_err(), PutError::Duplicate(2));
        batcher.flush().unwrap();
        tickets.into_iter().for_each(|ticket| drop(ticket.wait().unwrap_err()));
        fails.store(false, SeqCst);
        batcher.put(&2, 1).unwrap();
        batcher.put(&1, 2).unwrap();
        batcher.flush().unwrap();
        assert_duplicate(batcher.put(&1, 1), 1);
        assert_eq!(batcher.window_stats().unwrap().keys, 2);
        batcher.close(Deadline::never());
        assert_eq!(batcher.window_stats().unwrap().keys, 0);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn c40_the_window_of_a_key_that_was_put_again_runs_from_then() {
    let time = VirtualClock::new();
    let batcher = plain(1).clock(Clock::from(&time)).build_poll().unwrap();
    batcher.put(1).unwrap();
    batcher.next_batch(Duration::ZERO).unwrap().fail_all("no");
    time.advance(WINDOW / 2);
    batcher.put(1).unwrap();
    drop(batcher.next_batch(Duration::ZERO).unwrap());
    time.advance(WINDOW);
    assert_duplicate(batcher.put(1), 1);
    time.advance(BUCKET);
    batcher.put(1).unwrap();
}

#[test]
fn c40_the_late_failure_of_an_item_that_outlived_the_window_leaves_the_next_ones_claim_alone() {
    for waits in [WINDOW + BUCKET, 3 * WINDOW] {
        let time = VirtualClock::new();
        let batcher = plain(1).clock(Clock::from(&time)).build_poll().unwrap();
        batcher.put(1).unwrap();
        let first = batcher.next_batch(Duration::ZERO).unwrap();
        time.advance(WINDOW);
        assert_duplicate(batcher.put(1), 1);
        time.advance(waits - WINDOW);
        batcher.put(1).unwrap();
        first.fail_all("late");
        assert_duplicate(batcher.put(1), 1);
        drop(batcher.next_batch(Duration::ZERO).unwrap());
        assert_duplicate(batcher.put(1), 1);
        assert_eq!((batcher.stats().failed, batcher.stats().done), (1, 1));
    }
}

#[test]
fn c40_only_one_of_many_threads_gets_a_key_in() {
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Poll(2)) {
        guarded("C40 race", move || {
            let rig: Rig<u64> = mode.start_any(plain(64), |_| Ok(()));
            let accepted: u64 = std::thread::scope(|scope| {
                let put_all = || (0..2000).filter(|item| rig.batcher.put(*item).is_ok()).count() as u64;
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(put_all)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(accepted, 2000);
            assert_eq!(rig.batcher.stats().duplicates, 6000);
            assert_eq!(rig.close().done, 2000);
        });
    }
}

#[test]
fn c40_a_claim_alone_is_released_when_it_is_dropped_also_by_a_panic() {
    let seen = batchline::dedup::Dedup::<u64>::new(window()).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _claim = seen.claim(1).unwrap();
        assert!(seen.claim(1).is_err());
        resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err() && !seen.contains(&1));
    seen.claim(1).unwrap().commit();
    assert!(seen.contains(&1));
    assert_eq!(seen.len(), 1);
}

/// A claim names its entry by place, which is not given again after a `forget`.
#[test]
fn c40_a_claim_whose_key_was_forgotten_does_not_release_the_next_claim_of_it() {
    let seen = batchline::dedup::Dedup::<u64>::new(window()).unwrap();
    let first = seen.claim(7).unwrap();
    assert!(seen.forget(&7));
    let second = seen.claim(7).unwrap();
    drop(first);
    assert!(seen.claim(7).is_err(), "the second claim stands");
    drop(second);
    seen.claim(7).unwrap().commit();
}

/// Whoever watches the counters must not learn of a failure before the keys are released.
#[test]
fn c40_the_counters_tell_of_a_failure_after_the_keys_are_released() {
    guarded("C40 counters", || {
        let (entered, has_entered) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new((entered, may_go_on)));
        let key_of = move |item: &u64| SlowKey { id: *item, gate: (*item == 1).then(|| gate.clone()) };
        let built = Batcher::builder().batch_items_max(2).no_linger().on_failure(|_| {});
        let batcher =
            Arc::new(built.dedup(window(), key_of).build(|_: &mut Batch<u64>| Err::<(), _>("no")).unwrap());
        batcher.put(1).unwrap();
        batcher.put(2).unwrap();
        receive("the drop of the first key", &has_entered);
        let (told, again) = (batcher.stats().failed, batcher.try_put(2));
        go_on.send(()).unwrap();
        assert!(told == 0 || again.is_ok(), "{told} failures were told, and {again:?}");
        batcher.close(Deadline::now());
    });
}

type Door = Arc<std::sync::Mutex<(std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>)>>;

/// A key whose first drop waits.
struct SlowKey {
    id: u64,
    gate: Option<Door>,
}

impl Drop for SlowKey {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            let gate = gate.lock().unwrap();
            let _ = gate.0.send(());
            let _ = gate.1.recv_timeout(PATIENCE);
        }
    }
}

impl PartialEq for SlowKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for SlowKey {}

impl std::hash::Hash for SlowKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
