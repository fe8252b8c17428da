//! `submit`: an item with a ticket, from the put to the outcome in the submitter's hand.

use batchline::{Batcher, Ticket};

use super::polled::{BATCH_ITEMS, build, builder, pull, verify};

/// Submits a full batch, settles it, then reads every ticket; none of them has to wait.
pub(super) fn batcher(items: u64) {
    let batcher = build(builder());
    let mut tickets = Vec::with_capacity(BATCH_ITEMS as usize);
    for _ in 0..items / BATCH_ITEMS {
        submit_batch(&batcher, &mut tickets);
        pull(&batcher, BATCH_ITEMS);
        read(&mut tickets);
    }
    verify(&batcher, items);
}

fn submit_batch(batcher: &Batcher<u64>, tickets: &mut Vec<Ticket>) {
    for item in 0..BATCH_ITEMS {
        tickets.push(batcher.submit(item).expect("the batcher is open and has room"));
    }
}

fn read(tickets: &mut Vec<Ticket>) {
    for ticket in tickets.drain(..) {
        assert!(ticket.wait().is_ok(), "the batch was settled as done");
    }
}
