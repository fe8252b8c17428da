//! C40 and C45: items that their own submitters give up, by cancelling them or by a deadline.

use crate::support::guarded;
use crate::{assert_duplicate, ms, plain, window};
use batchline::{Batch, Batcher, Clock, Deadline, ItemOptions, Ticket, TicketError, VirtualClock};
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn c40_a_cancelled_items_key_is_free_once_its_batch_was_taken() {
    let batcher = plain(3).build_poll().unwrap();
    let tickets = [1, 2, 3].map(|item| batcher.submit(item).unwrap());
    assert!(tickets[1].cancel());
    let batch = batcher.next_batch(Duration::ZERO).unwrap();
    assert_eq!(batch[..], [1, 3]);
    batcher.put(2).unwrap();
    assert_duplicate(batcher.put(1), 1);
    drop(batch);
    // The claims have closed up with their items: a failure of the last would release its own key.
    assert_duplicate(batcher.put(3), 3);
    assert_eq!(batcher.stats().cancelled, 1);
}

#[test]
fn c40_claims_close_up_with_their_items() {
    for cancelled in 1..(1 << 5) {
        let batcher = plain(6).build_poll().unwrap();
        let tickets: Vec<_> = (0..6).map(|item| batcher.submit(item).unwrap()).collect();
        let is_cancelled = |item: u64| cancelled >> item & 1 == 1;
        (0..6).filter(|item| is_cancelled(*item)).for_each(|item| assert!(tickets[item as usize].cancel()));
        let mut batch = batcher.next_batch(Duration::ZERO).unwrap();
        let kept: Vec<u64> = batch.to_vec();
        assert!(kept.iter().copied().eq((0..6).filter(|item| !is_cancelled(*item))));
        batch.fail(kept.len() - 1, "the last");
        drop(batch);
        for item in 0..6 {
            let is_free = is_cancelled(item) || item == 5;
            assert_eq!(batcher.put(item).is_ok(), is_free, "item {item} of {cancelled:b}");
        }
    }
}

#[test]
fn c40_an_expired_items_key_is_free_when_the_hook_tells() {
    guarded("C40 expired", || {
        let time = VirtualClock::new();
        let (tell, told) = channel();
        let builder = plain(2).clock(Clock::from(&time)).on_failure(move |report| {
            let _ = tell.send(report.items);
        });
        let batcher = builder.build_poll().unwrap();
        batcher.put_with(1, ItemOptions::new().deadline(ms(10))).unwrap();
        batcher.put(2).unwrap();
        time.advance(ms(10));
        assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [2]);
        assert_eq!(told.try_recv(), Ok(1));
        batcher.put(1).unwrap();
        assert_duplicate(batcher.put(2), 2);
        assert_eq!(batcher.stats().expired, 1);
    });
}

#[test]
fn c40_what_close_hands_back_is_released() {
    for ordered in [false, true] {
        let batcher = plain(4).ordered(ordered).build_poll().unwrap();
        let tickets = [1, 2, 3].map(|item| batcher.submit(item).unwrap());
        assert!(tickets[0].cancel());
        assert_eq!(batcher.close(Deadline::now()).items, [2, 3]);
        let [first, ..] = tickets.map(|ticket| ticket.wait());
        assert!(matches!(first, Err(TicketError::Cancelled)));
        assert_eq!(batcher.window_stats().unwrap().keys, 0);
        assert_eq!(batcher.put(2), Err(batchline::PutError::Closed(2)), "closed, whatever the key");
    }
}

/// The window learns of a cancellation when the batch is taken, not when the ticket does.
#[test]
fn c40_a_cancelled_items_key_is_free_when_its_batch_has_been_taken() {
    let batcher = plain(3).build_poll().unwrap();
    let ticket = batcher.submit(1).unwrap();
    assert!(ticket.cancel());
    assert!(matches!(ticket.wait(), Err(TicketError::Cancelled)));
    assert_duplicate(batcher.put(1), 1);
    batcher.put_many(&mut vec![2, 3]).unwrap();
    assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [2, 3]);
    batcher.put(1).expect("its batch was taken without it");
}

/// As above, of an item whose ticket has noticed the deadline.
#[test]
fn c40_an_expired_items_key_is_free_when_its_batch_has_been_taken() {
    guarded("C40 expired ticket", || {
        let time = VirtualClock::new();
        let batcher = plain(3).clock(Clock::from(&time)).build_poll().unwrap();
        let ticket = batcher.submit_with(1, ItemOptions::new().deadline(ms(10))).unwrap();
        time.advance(ms(10));
        assert!(matches!(ticket.wait(), Err(TicketError::Expired)));
        assert_duplicate(batcher.put(1), 1);
        // Everything in the batch has expired, so there is no batch; but it was taken.
        assert!(batcher.next_batch(Duration::ZERO).is_none());
        batcher.put(1).expect("its batch was taken without it");
    });
}

#[test]
fn c40_a_cancelled_key_of_a_keyed_batcher_is_free_after_a_flush() {
    guarded("C40 keyed cancel", || {
        let batcher = plain(10).keyed::<u32>().build(|_: &u32, _: &mut Batch<u64>| ()).unwrap();
        let tickets = [1, 2, 3].map(|item| batcher.submit(&1, item).unwrap());
        assert!(tickets[0].cancel());
        batcher.flush().unwrap();
        batcher.put(&1, 1).unwrap();
        assert_duplicate(batcher.put(&1, 2), 2);
        assert_duplicate(batcher.put(&1, 3), 3);
        batcher.close(Deadline::never());
    });
}

/// An item that is passed on goes past everybody who has cancelled, one after the other. What a step costs shows in
/// nothing that a test can count, so the watchdog's 30 seconds bound it: if each step moved all those behind, so many
/// would take about two minutes; as it is, they take one or two seconds without optimisation.
#[test]
fn c45_an_item_is_passed_on_past_many_cancelled_joiners_in_a_step_each() {
    const JOINERS: u64 = 1_000_000;
    guarded("C45 many cancelled", || {
        let builder = Batcher::<u64>::builder().replies::<u64>().demand(true);
        let batcher = builder.dedup_join(window(), |_| 7).build_poll().unwrap();
        let tickets: Vec<Ticket<u64>> = (0..=JOINERS).map(|item| batcher.submit(item).unwrap()).collect();
        let heir = batcher.submit(JOINERS + 1).unwrap();
        assert!(tickets.iter().all(Ticket::cancel));
        let mut batch = batcher.next_batch(Duration::ZERO).expect("somebody still wants it");
        assert_eq!(batch[..], [0]);
        batch.reply(0, 5);
        drop(batch);
        assert_eq!(heir.wait().unwrap(), 5);
        assert!(tickets.into_iter().all(|ticket| matches!(ticket.wait(), Err(TicketError::Cancelled))));
        assert_eq!((batcher.stats().accepted, batcher.stats().joined), (1, JOINERS + 1));
    });
}
