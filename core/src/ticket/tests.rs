//! Unit tests of tickets, small enough for Miri.

use super::{Ticket, TicketEnd, TicketPool};
use crate::clock::{Clock, NEVER_NS};
use crate::error::TicketError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

fn issue() -> (TicketPool<String>, Ticket<String>, TicketEnd<String>) {
    let mut pool = TicketPool::new(Clock::system());
    let (ticket, end) = pool.issue(NEVER_NS);
    (pool, ticket, end)
}

fn reply(end: TicketEnd<String>) {
    assert!(end.begin());
    end.settle(Ok("reply".to_string()));
}

#[test]
fn miri_a_reply_arrives() {
    let (_pool, ticket, end) = issue();
    assert!(!ticket.is_done());
    reply(end);
    assert!(ticket.is_done() && !ticket.cancel());
    assert_eq!(ticket.wait().unwrap(), "reply");
}

#[test]
fn miri_a_cancelled_item_never_begins() {
    let (_pool, ticket, end) = issue();
    assert!(ticket.cancel() && ticket.cancel());
    assert!(!end.begin());
    drop(end);
    assert!(matches!(ticket.wait(), Err(TicketError::Cancelled)));
}

#[test]
fn miri_an_end_that_is_dropped_hands_back() {
    let (_pool, ticket, end) = issue();
    drop(end);
    assert!(matches!(ticket.wait(), Err(TicketError::HandedBack)));
    let (_pool, ticket, end) = issue();
    assert!(end.begin());
    drop(end);
    assert!(matches!(ticket.wait(), Err(TicketError::HandedBack)));
}

#[test]
fn miri_ends_go_in_any_order() {
    for order in 0..6 {
        let (pool, ticket, end) = issue();
        let (mut pool, mut ticket, mut end) = (Some(pool), Some(ticket), Some(end));
        for step in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][order] {
            match step {
                0 => drop(pool.take()),
                1 => drop(ticket.take()),
                _ => end.take().into_iter().for_each(reply),
            }
        }
    }
}

#[test]
fn miri_cells_are_used_again() {
    let mut pool = TicketPool::<String>::new(Clock::system());
    for _ in 0..3 {
        let pairs: Vec<_> = (0..70).map(|_| pool.issue(NEVER_NS)).collect();
        for (ticket, end) in pairs {
            reply(end);
            assert_eq!(ticket.wait().unwrap(), "reply");
        }
    }
}

#[test]
fn miri_a_thread_waits() {
    let (_pool, ticket, end) = issue();
    let waiter = std::thread::spawn(move || ticket.wait().unwrap());
    reply(end);
    assert_eq!(waiter.join().unwrap(), "reply");
}

#[test]
fn miri_both_ends_and_the_pool_go_on_threads_of_their_own() {
    for _ in 0..if cfg!(miri) { 5 } else { 500 } {
        let (pool, ticket, end) = issue();
        let threads = [std::thread::spawn(move || drop(ticket)), std::thread::spawn(move || reply(end))];
        drop(pool);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

struct Counting(AtomicU32);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn miri_only_the_waker_of_the_last_poll_is_woken() {
    let (_pool, mut ticket, end) = issue();
    let wakers = [0, 0].map(|zero| Arc::new(Counting(AtomicU32::new(zero))));
    for waker in &wakers {
        let waker = Waker::from(waker.clone());
        assert!(Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    reply(end);
    assert_eq!(wakers.each_ref().map(|waker| waker.0.load(Ordering::Relaxed)), [0, 1]);
    let waker = Waker::from(wakers[0].clone());
    let outcome = Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker));
    assert!(matches!(outcome, Poll::Ready(Ok(reply)) if reply == "reply"));
    drop(ticket);
    assert!(wakers.iter().all(|waker| Arc::strong_count(waker) <= 2));
}
