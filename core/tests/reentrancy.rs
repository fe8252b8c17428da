//! Calls of a batcher from inside its own user code: handler, failure hook, an item's drop, a thread's end.

mod support;

use batchline::{Batch, Batcher, Deadline, Dispatch, FlushError, Overflow, PutError};
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;
use support::{assert_balanced, eventually, guarded, receive};

/// A way from a batcher's user code back to the batcher.
type Back<T> = Arc<OnceLock<Weak<Batcher<T>>>>;

fn back<T: Send>(back: &Back<T>) -> Arc<Batcher<T>> {
    back.get().and_then(Weak::upgrade).expect("the batcher is there")
}

fn link<T: Send>(link: &Back<T>, batcher: Batcher<T>) -> Arc<Batcher<T>> {
    let batcher = Arc::new(batcher);
    link.set(Arc::downgrade(&batcher)).expect("set once");
    batcher
}

#[test]
fn a_put_from_inside_the_handler_is_accepted() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("put inside handler", move || {
            let way = Back::<u64>::default();
            let inner = way.clone();
            let built = Batcher::builder().batch_items_max(2).no_linger().dispatch(dispatch).build(
                move |batch: &mut Batch<u64>| {
                    for &item in batch.iter().filter(|item| **item < 64) {
                        back(&inner).put(item * 2).expect("there is room");
                    }
                },
            );
            let batcher = link(&way, built.unwrap());
            batcher.put_many(&mut vec![1, 1]).unwrap();
            eventually("the chain of puts ends", || {
                batcher.stats().accepted == 14 && batcher.stats().live == 0
            });
            assert_eq!(batcher.stats().done, 14);
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn a_put_from_inside_the_handler_of_a_full_batcher_is_refused_as_reentrant() {
    for ordered in [false, true] {
        guarded("full put inside handler", move || {
            let way = Back::<u64>::default();
            let (inner, (told, verdict)) = (way.clone(), channel());
            let built = Batcher::builder().batch_items_max(2).queue_items_max(2).ordered(ordered).build(
                move |batch: &mut Batch<u64>| {
                    if batch.contains(&1) {
                        let batcher = back(&inner);
                        let one = batcher.put(7);
                        let many = batcher.put_many(&mut vec![8, 9]);
                        let timed = batcher.put_timeout(10, Duration::MAX);
                        let ticket = batcher.submit(11).map(drop);
                        let _ = told.send((one, many, timed, ticket));
                    }
                },
            );
            let batcher = link(&way, built.unwrap());
            batcher.put_many(&mut vec![1, 1]).unwrap();
            let (one, many, timed, ticket) = receive("the handler's verdict", &verdict);
            assert_eq!(one, Err(PutError::Reentrant(7)));
            assert_eq!(many, Err(batchline::PutManyError::Reentrant { accepted: 0 }));
            assert_eq!(timed, Err(PutError::Reentrant(10)));
            assert_eq!(ticket, Err(PutError::Reentrant(11)));
            batcher.flush().unwrap();
            assert_eq!(batcher.stats().done, 2);
            assert_balanced(&batcher.stats());
        });
    }
}

/// What a callback did with its own batcher: flush, close from inside.
type Verdict = (Result<(), FlushError>, Result<(), FlushError>, bool);

fn call_everything<T: Send>(batcher: &Batcher<T>) -> Verdict {
    let flushed = batcher.flush();
    let timed = batcher.flush_timeout(Duration::MAX);
    let receipt = batcher.close(Deadline::never());
    (flushed, timed, receipt.timed_out)
}

#[track_caller]
fn assert_verdict(verdict: &Receiver<Verdict>) {
    let (flushed, timed, close_timed_out) = receive("a call from inside user code", verdict);
    assert_eq!((flushed, timed), (Err(FlushError::InHandler), Err(FlushError::InHandler)));
    assert!(close_timed_out, "a close from inside only begins the close");
}

#[test]
fn flush_and_close_inside_the_handler_do_not_deadlock() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("flush inside handler", move || {
            let way = Back::<u64>::default();
            let (inner, (told, verdict)) = (way.clone(), channel());
            let built =
                Batcher::builder().batch_items_max(1).dispatch(dispatch).build(move |_: &mut Batch<u64>| {
                    let _ = told.send(call_everything(&back(&inner)));
                });
            let batcher = link(&way, built.unwrap());
            batcher.put(1).unwrap();
            assert_verdict(&verdict);
            assert!(matches!(batcher.put(2), Err(PutError::Closed(2))));
            assert!(!batcher.close(Deadline::never()).timed_out);
            assert_eq!(batcher.stats().done, 1);
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn flush_and_close_inside_the_failure_hook_do_not_deadlock() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        let way = Back::<u64>::default();
        let (inner, (told, verdict)) = (way.clone(), channel());
        let built = Batcher::builder()
            .batch_items_max(1)
            .dispatch(dispatch)
            .drop_deadline(Duration::from_millis(100))
            .on_failure(move |_| {
                let _ = told.send(call_everything(&back(&inner)));
            })
            .build(|_: &mut Batch<u64>| Err::<(), _>("no"));
        let batcher = link(&way, built.unwrap());
        let putting = batcher.clone();
        thread::spawn(move || putting.put(1).unwrap());
        assert_verdict(&verdict);
        assert!(!batcher.close(Deadline::never()).timed_out);
        assert_eq!(batcher.stats().failed, 1);
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn a_put_from_the_failure_hook_of_a_full_batcher_does_not_wait_for_itself() {
    let way = Back::<u64>::default();
    let (inner, (told, verdict)) = (way.clone(), channel());
    let built = Batcher::builder()
        .batch_items_max(2)
        .queue_items_max(2)
        .drop_deadline(Duration::from_millis(100))
        .on_failure(move |_| {
            let _ = told.send(back(&inner).put(7));
        })
        .build(|batch: &mut Batch<u64>| if batch.contains(&7) { Ok(()) } else { Err("no") });
    let batcher = link(&way, built.unwrap());
    batcher.put_many(&mut vec![1, 1]).unwrap();
    let put = receive("the hook's put", &verdict);
    assert!(matches!(put, Ok(()) | Err(PutError::Reentrant(7))), "{put:?}");
    batcher.flush().unwrap();
    assert_eq!(batcher.stats().failed, 2);
    assert_balanced(&batcher.stats());
}

/// An item that calls its batcher when it is dropped.
struct CallsBack {
    way: Back<CallsBack>,
    told: Sender<Verdict>,
}

impl Drop for CallsBack {
    fn drop(&mut self) {
        let _ = self.told.send(call_everything(&back(&self.way)));
    }
}

#[test]
fn flush_and_close_inside_an_items_drop_do_not_deadlock() {
    let way = Back::<CallsBack>::default();
    let (told, verdict) = channel();
    let built = Batcher::builder()
        .batch_items_max(1)
        .drop_deadline(Duration::from_millis(100))
        .build(|_: &mut Batch<CallsBack>| ());
    let batcher = link(&way, built.unwrap());
    batcher.put(CallsBack { way, told }).unwrap();
    assert_verdict(&verdict);
    assert!(!batcher.close(Deadline::never()).timed_out);
    assert_balanced(&batcher.stats());
}

/// A batcher that its own handler drops.
type Own<T> = Arc<Mutex<Option<Batcher<T>>>>;

#[test]
fn a_batcher_dropped_inside_its_own_handler_ends_its_workers_and_handles_what_is_queued() {
    for workers in [1, 3] {
        let own = Own::<u64>::default();
        let (alive, ended) = channel::<u64>();
        let inner = own.clone();
        let built = Batcher::builder().batch_items_max(1).workers(workers).build_per_worker(move |_| {
            let (inner, alive) = (inner.clone(), alive.clone());
            move |batch: &mut Batch<u64>| {
                let _ = alive.send(batch[0]);
                let _gone = inner.lock().unwrap().take();
            }
        });
        let batcher = built.unwrap();
        let mut producer = batcher.producer();
        *own.lock().unwrap() = Some(batcher);
        let mut accepted = 0;
        while producer.put(accepted).is_ok() {
            accepted += 1;
        }
        drop(producer);
        let mut handled: Vec<u64> = (0..accepted).map(|_| receive("an accepted item", &ended)).collect();
        handled.sort_unstable();
        assert!(handled.into_iter().eq(0..accepted));
        // Each worker owns its handler, and that a sender: the channel is cut when the last worker ends.
        let end = ended.recv_timeout(Duration::from_secs(10));
        assert_eq!(end, Err(std::sync::mpsc::RecvTimeoutError::Disconnected), "workers live on for ever");
    }
}

#[test]
fn what_a_caller_batcher_dropped_inside_its_handler_leaves_behind_is_told() {
    guarded("drop inside a caller's handler", || {
        let own = Own::<u64>::default();
        let (told, reports) = channel();
        let (handled, seen) = channel();
        let inner = own.clone();
        let built = Batcher::builder()
            .batch_items_max(2)
            .no_linger()
            .dispatch(Dispatch::Caller)
            .on_failure(move |report| told.send(report.items).unwrap())
            .build(move |batch: &mut Batch<u64>| {
                handled.send(batch.len() as u64).unwrap();
                let _gone = inner.lock().unwrap().take();
            });
        let batcher = built.unwrap();
        let (mut first, mut second) = (batcher.producer(), batcher.producer());
        second.put(9).unwrap();
        *own.lock().unwrap() = Some(batcher);
        first.put_many(&mut vec![1, 2]).unwrap();
        assert!(matches!(first.put(3), Err(PutError::Closed(3))));
        drop((first, second));
        let known: u64 = seen.try_iter().sum::<u64>() + reports.try_iter().sum::<u64>();
        assert_eq!(known, 3, "an accepted item was neither handled nor reported");
    });
}

#[test]
fn a_full_batch_put_by_a_callers_handler_into_another_lane_is_handled() {
    guarded("a follow-up batch", || {
        let way = Back::<u64>::default();
        let inner = way.clone();
        let built = Batcher::builder().batch_items_max(2).no_linger().dispatch(Dispatch::Caller).build(
            move |batch: &mut Batch<u64>| {
                if batch.contains(&1) {
                    back(&inner).put_many(&mut vec![3, 4]).unwrap();
                }
            },
        );
        let batcher = link(&way, built.unwrap());
        batcher.producer().put_many(&mut vec![1, 2]).unwrap();
        assert_eq!(batcher.stats().done, 4, "a full batch waits in the lane of the handler's thread");
        batcher.close(Deadline::never());
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn two_batchers_nested_in_each_others_handlers_work() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("nested batchers", move || {
            let (to_a, to_b) = (Back::<u64>::default(), Back::<u64>::default());
            let pass = |way: &Back<u64>| {
                let way = way.clone();
                move |batch: &mut Batch<u64>| {
                    for &item in batch.iter().filter(|item| **item > 0) {
                        back(&way).put(item - 1).unwrap();
                    }
                }
            };
            let make = || Batcher::builder().batch_items_max(1).no_linger().dispatch(dispatch);
            let a = link(&to_a, make().build(pass(&to_b)).unwrap());
            let b = link(&to_b, make().build(pass(&to_a)).unwrap());
            a.put(40).unwrap();
            eventually("the item went down to zero", || a.stats().done + b.stats().done == 41);
            assert_eq!((a.stats().done, b.stats().done), (21, 20));
            for batcher in [&a, &b] {
                batcher.flush().unwrap();
                assert_balanced(&batcher.stats());
            }
        });
    }
}

#[test]
fn run_in_caller_from_inside_the_handler_is_refused_and_not_nested() {
    guarded("run in caller", || {
        let way = Back::<u64>::default();
        let (inner, (told, verdict)) = (way.clone(), channel());
        let built =
            Batcher::builder().batch_items_max(1).queue_items_max(1).overflow(Overflow::RunInCaller).build(
                move |batch: &mut Batch<u64>| {
                    if batch[0] == 1 {
                        let _ = told.send(back(&inner).put(2));
                    }
                },
            );
        let batcher = link(&way, built.unwrap());
        batcher.put(1).unwrap();
        assert_eq!(receive("the nested put", &verdict), Err(PutError::Reentrant(2)));
        batcher.flush().unwrap();
        assert_balanced(&batcher.stats());
    });
}

/// Puts when its thread ends, after that thread's lanes were given back. A panic there would end the process, so
/// it only tells what it saw: whether another thread took a lane that was left, and whether its own put then
/// took one more.
struct PutsAtExit {
    batcher: Arc<Batcher<u64>>,
    told: Sender<(bool, bool)>,
}

impl Drop for PutsAtExit {
    fn drop(&mut self) {
        let lanes = self.batcher.stats().lanes;
        let ((other_has_put, other), (go_on, ended)) = (channel(), channel::<()>());
        let second = self.batcher.clone();
        let thread = thread::spawn(move || {
            let _ = other_has_put.send(second.put(2).is_ok());
            let _ = ended.recv();
        });
        let _ = other.recv();
        let reused = self.batcher.stats().lanes == lanes;
        let _ = self.batcher.put(3);
        let _ = self.told.send((reused, self.batcher.stats().lanes > lanes));
        drop(go_on);
        let _ = thread.join();
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<PutsAtExit>> = const { RefCell::new(None) };
}

#[test]
fn a_put_from_a_thread_locals_drop_does_not_use_a_lane_that_was_given_back() {
    guarded("put at thread exit", || {
        let batcher = Arc::new(Batcher::<u64>::builder().build(|_: &mut Batch<u64>| ()).unwrap());
        let (putting, (told, seen)) = (batcher.clone(), channel());
        let body = move || {
            AT_EXIT.with(|slot| *slot.borrow_mut() = Some(PutsAtExit { batcher: putting.clone(), told }));
            putting.put(1).unwrap();
        };
        thread::spawn(body).join().unwrap();
        let (reused, took_another) = receive("the put at the end", &seen);
        assert!(!reused || took_another, "two threads that live write one lane");
        batcher.flush().unwrap();
        assert_eq!(batcher.stats().done, 3);
        assert_balanced(&batcher.stats());
    });
}
