//! Tickets: exactly one outcome, whatever the two ends do; the waiter that is registered last is woken; a cell comes
//! back once, and the last of pool, ticket and item frees what they share.

use super::{check, check_within};
use crate::clock::{Clock, VirtualClock};
use crate::error::TicketError;
use crate::sync::thread;
use crate::ticket::{Ticket, TicketEnd, TicketPool};
use loom::sync::Arc;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

/// A reply that loom misses if it is leaked.
type Reply = Arc<u64>;

fn pool() -> TicketPool<Reply> {
    TicketPool::new(Clock::system())
}

fn issue() -> (TicketPool<Reply>, Ticket<Reply>, TicketEnd<Reply>) {
    let mut pool = pool();
    let (ticket, end) = pool.issue(u64::MAX);
    (pool, ticket, end)
}

/// What the engine does with an item: true when its handler ran.
fn handle(end: TicketEnd<Reply>) -> bool {
    let fit = end.begin();
    if fit {
        end.settle(Ok(Arc::new(7)));
    } else {
        assert!(!end.expire(), "it was cancelled");
    }
    fit
}

#[test]
fn a_waiting_ticket_gets_its_reply() {
    check(|| {
        let (_pool, ticket, end) = issue();
        let handler = thread::spawn(move || handle(end));
        assert_eq!(*ticket.wait().unwrap(), 7);
        assert!(handler.join().unwrap());
    });
}

#[test]
fn a_cancelled_item_is_not_handled_and_a_handled_one_not_cancelled() {
    check(|| {
        let (_pool, ticket, end) = issue();
        let handler = thread::spawn(move || handle(end));
        let cancelled = ticket.cancel();
        let outcome = ticket.wait();
        assert_eq!(cancelled, !handler.join().unwrap());
        assert_eq!(cancelled, matches!(outcome, Err(TicketError::Cancelled)));
        assert_eq!(!cancelled, outcome.is_ok());
    });
}

#[test]
fn an_item_that_nobody_handles_says_so() {
    check(|| {
        let (_pool, ticket, end) = issue();
        let engine = thread::spawn(move || drop(end));
        assert!(matches!(ticket.wait(), Err(TicketError::HandedBack)));
        engine.join().unwrap();
    });
}

#[test]
fn a_dropped_ticket_leaks_nothing_and_its_cell_comes_back() {
    check(|| {
        let (mut pool, ticket, end) = issue();
        let handler = thread::spawn(move || handle(end));
        drop(ticket);
        assert!(handler.join().unwrap());
        let (ticket, end) = pool.issue(u64::MAX);
        assert!(!ticket.is_done());
        assert!(handle(end));
        assert_eq!(*ticket.wait().unwrap(), 7);
    });
}

#[test]
fn a_cell_is_issued_again_while_others_come_back() {
    check(|| {
        let mut pool = pool();
        let (first, first_end) = pool.issue(u64::MAX);
        let (second, second_end) = pool.issue(u64::MAX);
        let handler = thread::spawn(move || {
            handle(first_end);
            handle(second_end);
        });
        drop(first);
        let (third, third_end) = pool.issue(u64::MAX);
        assert!(handle(third_end));
        assert!(second.wait().is_ok() && third.wait().is_ok());
        handler.join().unwrap();
    });
}

/// A waker that unparks a thread.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker that nobody listens to any more.
struct Stale;

impl Wake for Stale {
    fn wake(self: std::sync::Arc<Self>) {}
}

fn poll(ticket: &mut Ticket<Reply>, waker: &Waker) -> Option<Result<Reply, TicketError>> {
    match Pin::new(ticket).poll(&mut Context::from_waker(waker)) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    check(|| {
        let (_pool, mut ticket, end) = issue();
        let handler = thread::spawn(move || handle(end));
        let stale = Waker::from(std::sync::Arc::new(Stale));
        let mut outcome = poll(&mut ticket, &stale);
        let waker = Waker::from(std::sync::Arc::new(Unpark(thread::current())));
        while outcome.is_none() {
            outcome = poll(&mut ticket, &waker);
            if outcome.is_none() {
                thread::park();
            }
        }
        assert_eq!(*outcome.unwrap().unwrap(), 7);
        handler.join().unwrap();
    });
}

#[test]
fn a_ticket_that_is_dropped_after_a_poll_leaks_nothing() {
    check(|| {
        let (_pool, mut ticket, end) = issue();
        let waker = Waker::from(std::sync::Arc::new(Stale));
        let handler = thread::spawn(move || handle(end));
        let _ = poll(&mut ticket, &waker);
        drop(ticket);
        handler.join().unwrap();
    });
}

#[test]
fn the_last_of_pool_ticket_and_item_frees_their_home() {
    check_within(2, || {
        let time = VirtualClock::new();
        let mut pool = TicketPool::<Reply>::new(Clock::from(&time));
        let (ticket, end) = pool.issue(u64::MAX);
        let handler = thread::spawn(move || handle(end));
        let submitter = thread::spawn(move || drop(ticket));
        drop(pool);
        handler.join().unwrap();
        submitter.join().unwrap();
        assert_eq!(Clock::holders(&time), 1, "the home was leaked");
    });
}

#[test]
fn a_pool_that_goes_while_cells_come_back_frees_them_all() {
    check_within(2, || {
        let time = VirtualClock::new();
        let mut pool = TicketPool::<Reply>::new(Clock::from(&time));
        let (first, first_end) = pool.issue(u64::MAX);
        let (second, second_end) = pool.issue(u64::MAX);
        assert!(handle(first_end) && handle(second_end));
        let threads = [first, second].map(|ticket| thread::spawn(move || drop(ticket)));
        drop(pool);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(Clock::holders(&time), 1, "the home was leaked");
    });
}
