//! disruptor: a ring buffer for several producers, read by our own thread through its `EventPoller`.
//!
//! What it cannot do: sleep while the ring is empty or full (both sides look again and again; here they yield
//! between looks, or more producers than cores would stand still), hold a number of items that is no power of two
//! (the ring has 65 536 places), hand out batches of a given size, or seal by time. So the tuned loop of the channels
//! forms the batches and keeps the linger. Its managed thread with `end_of_batch` was no choice: it is not called
//! while nothing arrives, and a last partial batch would wait for ever.

use std::{
    fmt,
    sync::Arc,
    thread::{self, JoinHandle, yield_now},
    time::{Duration, Instant},
};

use disruptor::{
    BusySpin, EventPoller, MultiProducer, MultiProducerBarrier, Polling, Producer, SingleConsumerBarrier,
    build_multi_producer,
};

use crate::{
    channel_loop::{self, BatchFormer, Partial, Pause, Source, Waited},
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

type RingProducer = MultiProducer<u64, SingleConsumerBarrier>;

/// The first producer, kept for its clones, and the polling thread.
pub struct Disruptor {
    producer: RingProducer,
    consumer: JoinHandle<()>,
}

impl fmt::Debug for Disruptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disruptor").finish_non_exhaustive()
    }
}

impl PutPeer for Disruptor {
    type Putter = DisruptorPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        let places = shape.queue_items_max.next_power_of_two();
        let (poller, builder) = build_multi_producer(places, || 0_u64, BusySpin).new_event_poller();
        let producer = builder.build();
        let consumer = thread::spawn(move || {
            let partial = Partial::Linger(shape.linger);
            channel_loop::run(Ring(poller), shape.batch_items_max, partial, |batch| sink.handle(batch));
        });
        Self { producer, consumer }
    }

    fn putter(&self) -> DisruptorPutter {
        DisruptorPutter(self.producer.clone())
    }

    fn finish(self) {
        drop(self.producer);
        self.consumer.join().expect("the consumer does not panic");
    }
}

/// A thread's own producer.
pub struct DisruptorPutter(RingProducer);

impl fmt::Debug for DisruptorPutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisruptorPutter").finish_non_exhaustive()
    }
}

impl Putter for DisruptorPutter {
    #[inline]
    fn put(&mut self, item: u64) {
        // `publish` would spin on a full ring.
        while self.0.try_publish(|place| *place = item).is_err() {
            yield_now();
        }
    }
}

/// The reading side.
struct Ring(EventPoller<u64, MultiProducerBarrier>);

impl Ring {
    fn take_one(&mut self) -> Result<u64, Polling> {
        let mut events = self.0.take(1)?;
        (&mut events).next().copied().ok_or(Polling::NoEvents)
    }
}

impl Source<u64> for Ring {
    const PAUSE: Pause = Pause::SPIN_THEN_YIELD;

    #[inline]
    fn take_ready<H: FnMut(&mut Vec<u64>)>(&mut self, former: &mut BatchFormer<u64, H>) {
        while let Ok(mut events) = self.0.poll() {
            (&mut events).for_each(|item| former.push(*item));
        }
    }

    fn wait(&mut self) -> Option<u64> {
        loop {
            match self.take_one() {
                Ok(item) => return Some(item),
                Err(Polling::Shutdown) => return None,
                Err(Polling::NoEvents) => yield_now(),
            }
        }
    }

    fn wait_for(&mut self, limit: Duration) -> Waited<u64> {
        let started = Instant::now();
        loop {
            match self.take_one() {
                Ok(item) => return Waited::Item(item),
                Err(Polling::Shutdown) => return Waited::Closed,
                Err(Polling::NoEvents) if started.elapsed() >= limit => return Waited::TimedOut,
                Err(Polling::NoEvents) => yield_now(),
            }
        }
    }
}
