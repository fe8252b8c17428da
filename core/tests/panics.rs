//! User code that panics where it is least expected: payloads, hooks, weighers, wakers, drops of items and of
//! replies. Only the item or batch at hand may be hurt; the batcher lives on and the ledger adds up.

mod support;

use batchline::{Batch, Batcher, Deadline, Dispatch, Failure, FailureKind, TicketError};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use support::items::{Drops, Tracked};
use support::{assert_balanced, eventually, guarded, receive};

const SOON: Duration = Duration::from_millis(100);

/// A value whose drop panics, once.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        if std::mem::take(&mut self.0) {
            panic!("the bomb's drop");
        }
    }
}

/// The batcher still handles an item, flushes and closes.
#[track_caller]
fn assert_lives<T: Send, R: Send + 'static>(batcher: Batcher<T, R>, item: T) {
    let before = batcher.stats();
    assert!(batcher.put(item).is_ok(), "the batcher is open");
    assert_eq!(batcher.flush_timeout(Duration::from_secs(10)), Ok(()), "the worker is gone");
    let stats = batcher.stats();
    assert_eq!(stats.done + stats.failed, before.done + before.failed + 1);
    assert!(!batcher.close(Deadline::after(Duration::from_secs(10))).timed_out);
    assert_balanced(&batcher.stats());
}

#[test]
fn a_panic_with_a_payload_that_is_not_text_fails_its_batch_only() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("odd payload", move || {
            let built = Batcher::builder().batch_items_max(1).dispatch(dispatch).on_failure(|_| {}).build(
                |batch: &mut Batch<u64>| {
                    if batch[0] == 1 {
                        panic_any(7_u8);
                    }
                },
            );
            let batcher = built.unwrap();
            let error = batcher.submit(1).unwrap().wait().unwrap_err();
            assert!(matches!(error, TicketError::Failed(Failure::Panicked(_))), "{error}");
            assert_eq!(batcher.stats().panics, 1);
            assert_lives(batcher, 2);
        });
    }
}

#[test]
fn a_panic_payload_whose_drop_panics_does_not_stop_the_worker() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("payload with a bad drop", move || {
            let built = Batcher::builder()
                .batch_items_max(1)
                .dispatch(dispatch)
                .drop_deadline(SOON)
                .on_failure(|_| {})
                .build(|batch: &mut Batch<u64>| {
                    if batch[0] == 1 {
                        panic_any(Bomb(true));
                    }
                });
            let batcher = built.unwrap();
            let ticket = batcher.submit(1).unwrap();
            let outcome = ticket.wait_timeout(Duration::from_secs(10)).expect("the ticket has an outcome");
            assert!(matches!(outcome, Err(TicketError::Failed(Failure::Panicked(_)))));
            assert_lives(batcher, 2);
        });
    }
}

#[test]
fn a_failure_hook_that_panics_hurts_nothing_else() {
    for bad_payload in [false, true] {
        guarded("panicking hook", move || {
            let hook = move || if bad_payload { panic_any(Bomb(true)) } else { panic!("hook") };
            let built = Batcher::builder()
                .batch_items_max(1)
                .drop_deadline(SOON)
                .on_failure(move |_| hook())
                .build(|batch: &mut Batch<u64>| if batch[0] == 1 { Err("no") } else { Ok(()) });
            let batcher = built.unwrap();
            assert!(batcher.submit(1).unwrap().wait().is_err());
            assert_eq!(batcher.flush_timeout(Duration::from_secs(10)), Ok(()));
            assert_eq!(batcher.stats().failed_batches, 1);
            assert_lives(batcher, 2);
        });
    }
}

#[test]
fn a_weigher_that_panics_leaves_the_batcher_and_the_rest_of_the_vector_whole() {
    guarded("panicking weigher", || {
        let drops = Drops::new(6);
        let weigh = |item: &Tracked| if item.id == 2 { panic!("weigher") } else { 1 };
        let batcher = Batcher::builder().weigher(weigh).build(|_: &mut Batch<Tracked>| ()).unwrap();
        let mut items: Vec<Tracked> = (0..5).map(|id| drops.item(id)).collect();
        assert!(catch_unwind(AssertUnwindSafe(|| batcher.put_many(&mut items))).is_err());
        let left: Vec<usize> = items.iter().map(|item| item.id).collect();
        assert_eq!(batcher.stats().accepted, 2);
        assert_eq!(left, [2, 3, 4], "what was not accepted is still in the vector, in order");
        assert!(catch_unwind(AssertUnwindSafe(|| batcher.put(items.remove(0)))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| batcher.submit(drops.item(2)))).is_err());
        assert_eq!(batcher.put_many(&mut items), Ok(2));
        batcher.flush().unwrap();
        assert_lives(batcher, drops.item(5));
        assert_eq!(drops.of(5), 1);
    });
}

#[test]
fn a_drop_that_panics_in_one_item_of_a_batch_leaves_the_others_alone() {
    for fails in [false, true] {
        guarded("one bad drop", move || {
            let (told, reports) = channel();
            let built = Batcher::builder()
                .batch_items_max(3)
                .on_failure(move |report| {
                    let _ = told.send(report.kind.clone());
                })
                .build(move |_: &mut Batch<Bomb>| if fails { Err("no") } else { Ok(()) });
            let batcher = built.unwrap();
            batcher.put_many(&mut vec![Bomb(false), Bomb(true), Bomb(false)]).unwrap();
            batcher.flush().unwrap();
            let kinds: Vec<FailureKind> = reports.try_iter().collect();
            assert!(kinds.iter().any(|kind| matches!(kind, FailureKind::ItemDropPanicked)), "{kinds:?}");
            assert_lives(batcher, Bomb(false));
        });
    }
}

/// Runs one test of this file, marked as ignored, in a process of its own; true when it passed.
fn passes_alone(test: &str) -> bool {
    let this = std::env::current_exe().unwrap();
    let run = Command::new(this).args(["--exact", test, "--ignored", "--test-threads=1"]).output().unwrap();
    run.status.success() && String::from_utf8_lossy(&run.stdout).contains("1 passed")
}

#[test]
#[ignore = "run by the next test in a process of its own, since a defect would end the process"]
fn alone_two_drops_that_panic_in_one_batch() {
    guarded("two bad drops", || {
        let batcher =
            Batcher::builder().batch_items_max(3).on_failure(|_| {}).build(|_: &mut Batch<Bomb>| ()).unwrap();
        batcher.put_many(&mut vec![Bomb(true), Bomb(true), Bomb(false)]).unwrap();
        batcher.flush().unwrap();
        assert_lives(batcher, Bomb(false));
    });
}

#[test]
fn two_drops_that_panic_in_one_batch_do_not_end_the_process() {
    assert!(passes_alone("alone_two_drops_that_panic_in_one_batch"), "the process was aborted");
}

#[test]
fn a_drop_that_panics_in_a_cancelled_or_expired_item_hurts_nothing_else() {
    guarded("bad drop of a cancelled item", || {
        let batcher = Batcher::<Bomb>::builder().batch_items_max(2).on_failure(|_| {}).build_poll().unwrap();
        let cancelled = batcher.submit(Bomb(true)).unwrap();
        assert!(cancelled.cancel());
        let kept = batcher.submit(Bomb(false)).unwrap();
        drop(batcher.next_batch(Duration::ZERO).expect("a full batch"));
        kept.wait().unwrap();
        assert!(matches!(cancelled.wait(), Err(TicketError::Cancelled)));
        assert_balanced(&batcher.stats());
    });
}

/// A reply whose drop panics, for items that nobody waits for.
#[test]
fn a_reply_whose_drop_panics_does_not_stop_the_worker() {
    for submits in [false, true] {
        guarded("bad drop of a reply", move || {
            let built =
                Batcher::<u64>::builder().replies::<Bomb>().batch_items_max(1).drop_deadline(SOON).build(
                    |batch: &mut Batch<u64, Bomb>| {
                        let explosive = batch[0] == 1;
                        batch.reply(0, Bomb(explosive));
                    },
                );
            let batcher = built.unwrap();
            if submits {
                drop(batcher.submit(1).unwrap());
            } else {
                batcher.put(1).unwrap();
            }
            assert_eq!(batcher.flush_timeout(Duration::from_secs(10)), Ok(()), "the worker is gone");
            assert_lives(batcher, 2);
        });
    }
}

/// A waker whose call panics.
struct BadWaker;

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        panic_any(Bomb(true));
    }
}

#[test]
fn a_waker_that_panics_does_not_stop_the_worker() {
    guarded("panicking waker", || {
        let (go, gate) = channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let built =
            Batcher::builder().batch_items_max(1).drop_deadline(SOON).build(move |batch: &mut Batch<u64>| {
                if batch[0] == 1 {
                    let _ = gate.lock().unwrap().recv();
                }
            });
        let batcher = built.unwrap();
        let mut ticket = batcher.submit(1).unwrap();
        let waker = Waker::from(Arc::new(BadWaker));
        assert!(Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker)).is_pending());
        go.send(()).unwrap();
        // Waiting would put another waker in the place of the bad one.
        eventually("the outcome", || ticket.is_done());
        ticket.wait().unwrap();
        assert_lives(batcher, 2);
    });
}

/// Tells that it was called.
struct Telling(Sender<()>);

impl Wake for Telling {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
    }
}

fn one_of_two_wakers_panics(dispatch: Dispatch, bad: u64) {
    let builder = Batcher::builder().batch_items_max(100).no_linger().dispatch(dispatch).drop_deadline(SOON);
    let batcher = builder.build(|_: &mut Batch<u64>| ()).unwrap();
    let (tell, told) = channel();
    let good = Waker::from(Arc::new(Telling(tell)));
    let tickets = [0, 1].map(|item| {
        let mut ticket = batcher.submit(item).unwrap();
        let waker = if item == bad { Waker::from(Arc::new(BadWaker)) } else { good.clone() };
        assert!(Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker)).is_pending());
        ticket
    });
    assert_eq!(batcher.flush_timeout(Duration::from_secs(10)), Ok(()), "the worker is gone");
    receive("a call of the good waker", &told);
    tickets.into_iter().for_each(|ticket| ticket.wait().unwrap());
    assert_eq!(batcher.stats().batches, 1);
    assert_lives(batcher, 2);
}

#[test]
fn a_waker_that_panics_does_not_keep_the_other_of_its_batch_from_being_called() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        for bad in [0, 1] {
            guarded("one of two wakers panics", move || one_of_two_wakers_panics(dispatch, bad));
        }
    }
}

#[test]
fn a_poller_that_panics_fails_the_batch_it_holds() {
    guarded("panicking poller", || {
        let batcher = Batcher::<u64>::builder().batch_items_max(1).on_failure(|_| {}).build_poll().unwrap();
        let ticket = batcher.submit(1).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _batch = batcher.next_batch(Duration::ZERO).expect("a full batch");
            panic!("poller");
        }));
        assert!(panicked.is_err());
        let error = ticket.wait().unwrap_err();
        assert!(matches!(error, TicketError::Failed(Failure::Panicked(_))), "{error}");
        assert_eq!(batcher.stats().failed, 1);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn a_panic_in_the_middle_of_a_drain_drops_every_item_once() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("panic in a drain", move || {
            let drops = Drops::new(5);
            let built = Batcher::builder().batch_items_max(4).dispatch(dispatch).on_failure(|_| {}).build(
                |batch: &mut Batch<Tracked>| {
                    let whole = batch.len() == 4;
                    let mut drain = batch.drain();
                    drop((drain.next(), drain.next()));
                    assert!(!whole, "in the middle");
                },
            );
            let batcher = built.unwrap();
            let mut items = drops.items();
            let last = items.pop().unwrap();
            batcher.put_many(&mut items).unwrap();
            batcher.flush().unwrap();
            assert_eq!(batcher.stats().failed, 4);
            assert_eq!(drops.total(), 4);
            assert_lives(batcher, last);
            drops.assert_each_once();
        });
    }
}

#[test]
fn a_handler_of_one_worker_that_panics_again_and_again_keeps_all_workers_alive() {
    guarded("many panics", || {
        let (told, seen) = channel();
        let built =
            Batcher::builder().batch_items_max(1).workers(2).on_failure(|_| {}).build_per_worker(move |_| {
                let told = told.clone();
                move |batch: &mut Batch<u64>| {
                    told.send(batch[0]).unwrap();
                    assert!(batch[0].is_multiple_of(2), "odd");
                }
            });
        let batcher = built.unwrap();
        batcher.put_many(&mut (0..1000).collect()).unwrap();
        let mut handled: Vec<u64> = (0..1000).map(|_| receive("an item", &seen)).collect();
        batcher.flush().unwrap();
        handled.sort_unstable();
        assert!(handled.into_iter().eq(0..1000));
        let stats = batcher.stats();
        assert_eq!((stats.panics, stats.failed, stats.done), (500, 500, 500));
        assert_lives(batcher, 2);
    });
}
