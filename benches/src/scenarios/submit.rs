//! Scenario `submit`: request and response, 4000 items in flight, batches of 1000; the reply is the item plus one.
//!
//! Two shapes. *Tasks*: 4000 tasks on a tokio runtime with two workers, each awaiting its reply in a loop, which is
//! what the async peers are made for. *Threads*: two threads, each keeping a window of 2000 tickets and waiting for
//! the oldest, for those who have no runtime. Every reply is checked.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Barrier},
    thread,
    time::Instant,
};

use tokio::{runtime, task::JoinHandle};

use crate::{
    channel_loop::Partial,
    interleave::{Contender, Role, Run},
    load::{IN_FLIGHT_ITEMS, Load, SUBMIT_LINGER, SUBMIT_THREADS},
    peers::{
        batch_aint_one::BatchAintOne, batchline_submit::Submitting,
        batchline_submit_producer::SubmittingProducers, crossbeam::Crossbeam, crossfire::Crossfire,
        floor_submit::Floor, oneshot::OneshotBatcher, ultra_batch::UltraBatch,
    },
};

/// The table of this scenario.
pub const GROUP: &str = "submit";
/// The first part of our contenders' names.
pub const OURS: &str = "batchline";
const OURS_BY_PRODUCER: &str = "batchline-producer";
/// The part of a name that says that tasks submit.
pub const TASKS: &str = "-tasks-";
/// The part of a name that says that threads submit.
pub const THREADS: &str = "-threads-";

/// When partial batches go: after the linger of 1 ms, or as soon as the worker is free.
pub const PARTIALS: [(&str, Partial); 2] =
    [("linger", Partial::Linger(SUBMIT_LINGER)), ("demand", Partial::Demand)];

/// A batcher whose replies are awaited.
pub trait TaskPeer: Clone + Send + Sync + 'static {
    /// Starts the batcher; called inside the runtime.
    fn open(partial: Partial) -> Self;

    /// Submits one item and awaits its reply.
    fn call(&self, item: u64) -> impl Future<Output = u64> + Send;
}

/// A batcher whose replies are waited for by threads.
pub trait ThreadPeer: Sized {
    /// What a submitting thread holds.
    type Submitter: Submitter;

    /// Starts the batcher.
    fn open(partial: Partial) -> Self;

    /// A submitter for one more thread.
    fn submitter(&self) -> Self::Submitter;
}

/// A submitting thread's way in.
pub trait Submitter: Send + 'static {
    /// The caller's end of a submitted item.
    type Ticket;

    /// Submits one item.
    fn submit(&mut self, item: u64) -> Self::Ticket;

    /// Waits for the reply.
    fn wait(ticket: Self::Ticket) -> u64;
}

/// Runs `items` through a fresh batcher from 4000 tasks.
pub fn drive_tasks<P: TaskPeer>(partial: Partial, items: u64) -> Run {
    let load = Load { producers: IN_FLIGHT_ITEMS, items };
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(SUBMIT_THREADS)
        .enable_time()
        .build()
        .expect("a runtime starts");
    let elapsed = runtime.block_on(async {
        let peer = P::open(partial);
        let started = Instant::now();
        let callers: Vec<JoinHandle<()>> = (0..load.producers)
            .map(|index| {
                let (peer, share) = (peer.clone(), load.share(index));
                tokio::spawn(async move {
                    for item in share {
                        assert_eq!(peer.call(item).await, item + 1, "the reply belongs to the item");
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller panicked");
        }
        started.elapsed()
    });
    Run { elapsed, items, batches: None }
}

/// Runs `items` through a fresh batcher from two threads with a window each.
pub fn drive_threads<P: ThreadPeer>(partial: Partial, items: u64) -> Run {
    let load = Load { producers: SUBMIT_THREADS, items };
    let peer = P::open(partial);
    let barrier = Arc::new(Barrier::new(load.producers));
    let callers: Vec<thread::JoinHandle<Instant>> = (0..load.producers)
        .map(|index| {
            let (submitter, barrier, share) = (peer.submitter(), Arc::clone(&barrier), load.share(index));
            thread::spawn(move || {
                barrier.wait();
                let started = Instant::now();
                slide_window(submitter, share);
                started
            })
        })
        .collect();
    let started = callers.into_iter().map(|caller| caller.join().expect("a caller panicked")).min();
    Run { elapsed: started.expect("at least one caller").elapsed(), items, batches: None }
}

fn slide_window<S: Submitter>(mut submitter: S, share: Range<u64>) {
    let window = IN_FLIGHT_ITEMS / SUBMIT_THREADS;
    let mut in_flight = VecDeque::with_capacity(window);
    let check = |(item, ticket): (u64, S::Ticket)| {
        assert_eq!(S::wait(ticket), item + 1, "the reply belongs to the item");
    };
    for item in share {
        if in_flight.len() == window {
            in_flight.pop_front().into_iter().for_each(check);
        }
        in_flight.push_back((item, submitter.submit(item)));
    }
    in_flight.into_iter().for_each(check);
}

/// Everybody who takes part; the floors come first.
pub fn contenders() -> Vec<Contender> {
    let modes = PARTIALS.into_iter().flat_map(|(mode, partial)| contenders_for(mode, partial));
    floors().into_iter().chain(modes).collect()
}

fn contenders_for(mode: &str, partial: Partial) -> Vec<Contender> {
    let contender = |name: &str, shape, producers, drive: fn(Partial, u64) -> Run| {
        let role = if name.starts_with(OURS) { Role::Ours } else { Role::Rival };
        let run = move |items| drive(partial, items);
        Contender { role, name: format!("{name}{shape}{mode}"), producers, run: Box::new(run) }
    };
    let tasks = |name, drive| contender(name, TASKS, IN_FLIGHT_ITEMS, drive);
    let threads = |name, drive| contender(name, THREADS, SUBMIT_THREADS, drive);
    vec![
        tasks("batch-aint-one", drive_tasks::<BatchAintOne>),
        tasks("ultra-batch", drive_tasks::<UltraBatch>),
        tasks("oneshot-crossbeam", drive_tasks::<OneshotBatcher<Crossbeam>>),
        tasks("oneshot-crossfire", drive_tasks::<OneshotBatcher<Crossfire>>),
        tasks(OURS, drive_tasks::<Submitting>),
        threads("oneshot-crossbeam", drive_threads::<OneshotBatcher<Crossbeam>>),
        threads("oneshot-crossfire", drive_threads::<OneshotBatcher<Crossfire>>),
        threads(OURS, drive_threads::<Submitting>),
        threads(OURS_BY_PRODUCER, drive_threads::<SubmittingProducers>),
    ]
}

fn floors() -> Vec<Contender> {
    let floor = |name: &str, producers, drive: fn(Partial, u64) -> Run| {
        let run = move |items| drive(Partial::Demand, items);
        Contender { role: Role::Floor, name: name.to_owned(), producers, run: Box::new(run) }
    };
    vec![
        floor("floor-tasks", IN_FLIGHT_ITEMS, drive_tasks::<Floor>),
        floor("floor-threads", SUBMIT_THREADS, drive_threads::<Floor>),
    ]
}
