//! Scenario `submit`: request and response, 4000 items in flight, batches of 1000; the reply is the item plus one.
//!
//! Two shapes. *Tasks*: 4000 tasks on a tokio runtime with two workers, each awaiting its reply in a loop, which is
//! what the async peers are made for. *Threads*: two threads, each keeping a window of 2000 tickets and waiting for
//! the oldest, for those who have no runtime. Every reply is checked. The latency of a call is that from before the
//! submit until the caller has the reply; for threads, most of it is the time in the window.

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
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::{BATCH_ITEMS_MAX, IN_FLIGHT_ITEMS, Load, SUBMIT_LINGER, SUBMIT_THREADS},
    peers::{
        batch_aint_one::BatchAintOne, batchline_submit::Submitting,
        batchline_submit_producer::SubmittingProducers, crossbeam::Crossbeam, crossfire::Crossfire,
        floor_submit::Floor, oneshot::OneshotBatcher, ultra_batch::UltraBatch,
    },
};

/// The group of this scenario.
pub const GROUP: &str = "submit";
/// The only scenario of the group.
pub const SCENARIO: &str = "in-flight-4000";
/// In a sampling run, so many of the tasks time their calls, and so many of a thread's calls are timed.
const SAMPLE_EVERY: usize = 64;
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
pub fn drive_tasks<P: TaskPeer>(partial: Partial, items: u64, sampling: Sampling) -> Run {
    let load = Load { producers: IN_FLIGHT_ITEMS, items };
    let runtime = uncounted(|| {
        let mut builder = runtime::Builder::new_multi_thread();
        builder.worker_threads(SUBMIT_THREADS).enable_time().build().expect("a runtime starts")
    });
    let (elapsed, samples_ns) = runtime.block_on(async {
        let peer = uncounted(|| P::open(partial));
        let started = Instant::now();
        let callers: Vec<JoinHandle<Vec<u64>>> = (0..load.producers)
            .map(|index| {
                let samples = sampling == Sampling::On && index % SAMPLE_EVERY == 0;
                tokio::spawn(call_each(peer.clone(), load.share(index), samples))
            })
            .collect();
        let mut samples_ns = Vec::new();
        for caller in callers {
            samples_ns.append(&mut caller.await.expect("a caller panicked"));
        }
        (started.elapsed(), samples_ns)
    });
    Run { elapsed, items, samples_ns, ..Run::default() }
}

/// One task's calls, one after the other.
async fn call_each<P: TaskPeer>(peer: P, share: Range<u64>, samples: bool) -> Vec<u64> {
    let mut samples_ns = Vec::new();
    for item in share {
        let before = samples.then(Instant::now);
        assert_eq!(peer.call(item).await, item + 1, "the reply belongs to the item");
        samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
    }
    samples_ns
}

/// Runs `items` through a fresh batcher from two threads with a window each.
pub fn drive_threads<P: ThreadPeer>(partial: Partial, items: u64, sampling: Sampling) -> Run {
    let load = Load { producers: SUBMIT_THREADS, items };
    let peer = uncounted(|| P::open(partial));
    let barrier = Arc::new(Barrier::new(load.producers));
    let callers: Vec<thread::JoinHandle<(Instant, Vec<u64>)>> = (0..load.producers)
        .map(|index| {
            let (submitter, barrier, share) = (peer.submitter(), Arc::clone(&barrier), load.share(index));
            thread::spawn(move || {
                barrier.wait();
                let started = Instant::now();
                (started, slide_window(submitter, share, sampling))
            })
        })
        .collect();
    let ends = callers.into_iter().map(|caller| caller.join().expect("a caller panicked"));
    let (starts, samples): (Vec<Instant>, Vec<Vec<u64>>) = ends.unzip();
    let elapsed = starts.into_iter().min().expect("at least one caller").elapsed();
    Run { elapsed, items, samples_ns: samples.concat(), ..Run::default() }
}

fn slide_window<S: Submitter>(mut submitter: S, share: Range<u64>, sampling: Sampling) -> Vec<u64> {
    let window = IN_FLIGHT_ITEMS / SUBMIT_THREADS;
    let mut in_flight = VecDeque::with_capacity(window);
    let mut samples_ns = Vec::new();
    let mut check = |(item, ticket, before): (u64, S::Ticket, Option<Instant>)| {
        assert_eq!(S::wait(ticket), item + 1, "the reply belongs to the item");
        samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
    };
    for item in share {
        if in_flight.len() == window {
            in_flight.pop_front().into_iter().for_each(&mut check);
        }
        let samples = sampling == Sampling::On && item % SAMPLE_EVERY as u64 == 0;
        let before = samples.then(Instant::now);
        in_flight.push_back((item, submitter.submit(item), before));
    }
    in_flight.into_iter().for_each(check);
    samples_ns
}

/// Everybody who takes part; the floors come first.
pub fn contenders() -> Vec<Contender> {
    let modes = PARTIALS.into_iter().flat_map(|(mode, partial)| contenders_for(mode, partial));
    floors().into_iter().chain(modes).collect()
}

fn contenders_for(mode: &str, partial: Partial) -> Vec<Contender> {
    let contender = |name: &str, shape, producers, drive: fn(Partial, u64, Sampling) -> Run| {
        let role = if name.starts_with(OURS) { Role::Ours } else { Role::Rival };
        let run = move |items, sampling| drive(partial, items, sampling);
        let (name, batch_items_max) = (format!("{name}{shape}{mode}"), BATCH_ITEMS_MAX);
        Contender { role, name, producers, batch_items_max, run: Box::new(run) }
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
    let floor = |name: &str, producers, drive: fn(Partial, u64, Sampling) -> Run| {
        let run = move |items, sampling| drive(Partial::Demand, items, sampling);
        let (name, batch_items_max) = (name.to_owned(), BATCH_ITEMS_MAX);
        Contender { role: Role::Floor, name, producers, batch_items_max, run: Box::new(run) }
    };
    vec![
        floor("floor-tasks", IN_FLIGHT_ITEMS, drive_tasks::<Floor>),
        floor("floor-threads", SUBMIT_THREADS, drive_threads::<Floor>),
    ]
}
