//! A thread that is about to sleep drops the expired keys before. Their drops are user code: they may block, park, and
//! so take the wake-up that was meant for the thread. What comes in meanwhile must not wait for that.

use crate::support::modes::{Kind, MODES, Mode, Rig};
use crate::support::{Gate, OpenAtEnd, eventually, guarded};
use batchline::{Batch, Batcher, Builder, Clock, VirtualClock};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// Well above what a loaded machine takes, and below the watchdog's patience.
const SOON: Duration = Duration::from_secs(10);
const PARKS: u64 = 1;

/// A key whose drop waits at the gate, if it is the one that parks, and parks for a moment then.
struct Key {
    id: u64,
    gate: Arc<Gate>,
}

impl Drop for Key {
    fn drop(&mut self) {
        if self.id == PARKS {
            self.gate.pass();
            // Takes the wake-up, if there is one already.
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

fn parking(gate: &Arc<Gate>, time: &VirtualClock) -> Builder<u64> {
    let gate = gate.clone();
    let builder = Batcher::builder().batch_items_max(1).no_linger().clock(Clock::from(time));
    builder.dedup(HOUR, move |item| Key { id: *item, gate: gate.clone() })
}

/// Puts an item, lets its key expire, and puts another one while the drop of that key runs.
#[track_caller]
fn put_during_the_drop(put: impl Fn(u64), handled: &Receiver<u64>, gate: &Gate, time: &VirtualClock) {
    let _open = OpenAtEnd(gate);
    put(PARKS);
    assert_eq!(handled.recv_timeout(SOON), Ok(PARKS));
    eventually("asleep until the key expires", || time.timers() == 1);
    time.advance(2 * HOUR);
    gate.await_waiting(1);
    put(2);
    gate.open();
    assert_eq!(handled.recv_timeout(SOON), Ok(2), "the time stands still, and nobody comes to wake");
}

fn an_item_is_handled_at_once(mode: Mode) {
    let (gate, time, (tell, handled)) = (Arc::new(Gate::default()), VirtualClock::new(), channel());
    let rig: Rig<u64> = mode.start_any(parking(&gate, &time), move |items| {
        items.iter().for_each(|item| tell.send(*item).unwrap());
        Ok(())
    });
    put_during_the_drop(|item| rig.batcher.put(item).unwrap(), &handled, &gate, &time);
    rig.close();
}

#[test]
fn a_keys_drop_that_takes_the_wake_up_of_its_thread_delays_no_item() {
    let sleeps_alone = |mode: &Mode| mode.has_one_consumer() && mode.kind != Kind::Caller;
    for mode in MODES.into_iter().filter(sleeps_alone) {
        guarded("a drop that parks", move || an_item_is_handled_at_once(mode));
    }
}

#[test]
fn a_keys_drop_that_takes_the_wake_up_of_a_keyed_worker_delays_no_item() {
    guarded("a drop that parks, keyed", || {
        let (gate, time, (tell, handled)) = (Arc::new(Gate::default()), VirtualClock::new(), channel());
        let keyed = parking(&gate, &time).workers(1).keyed::<u64>();
        let batcher = keyed.build(move |_: &u64, batch: &mut Batch<u64>| tell.send(batch[0]).unwrap());
        let batcher = batcher.unwrap();
        put_during_the_drop(|item| batcher.put(&item, item).unwrap(), &handled, &gate, &time);
    });
}
