//! Everything whose rate is measured, in order: which group and scenario, how long, who takes part, and who is whose
//! naive twin. The tables, the system allocator's run and criterion all work from this list.

use std::time::Duration;

#[cfg(feature = "c-abi")]
use crate::scenarios::c_abi;
#[cfg(feature = "dedup")]
use crate::scenarios::dedup;
use crate::{
    interleave::{Contender, Plan, Role},
    load::{CROWD_COUNTS, PRODUCER_COUNTS},
    scenarios::{batch_buffers, close, put, submit, worker_loop},
};

/// One table to be measured.
#[derive(Debug)]
pub struct RateJob {
    /// What is measured, as in `put`.
    pub group: &'static str,
    /// Under which circumstances, as in `producers-2`.
    pub scenario: String,
    /// How long and how often.
    pub pace: Pace,
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// The contender that is held against the naive one; none if the naive twin does not take part.
    pub optimized: Option<&'static str>,
}

/// How long the runs of a job are, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    rounds_quick: usize,
    rounds_full: usize,
    run_ms_quick: u64,
    run_ms_full: u64,
    items_min: u64,
    items_max: u64,
}

impl Pace {
    /// Who are compared with peers: more rounds, because the ratios are closer.
    const PEERS: Self = Self {
        rounds_quick: 9,
        rounds_full: 31,
        run_ms_quick: 40,
        run_ms_full: 150,
        items_min: 100_000,
        items_max: 200_000_000,
    };
    /// Who are compared with their naive twin.
    const TWINS: Self = Self { rounds_quick: 7, ..Self::PEERS };
    const SUBMIT: Self =
        Self { run_ms_quick: 80, run_ms_full: 300, items_min: 40_000, items_max: 20_000_000, ..Self::PEERS };
    /// Paced by the clock: 40 ms are 10 000 items.
    const LIGHT: Self = Self { items_min: 10_000, items_max: 10_000, ..Self::TWINS };
    /// A burst is 5000 items, and the silence between takes longer than most bursts.
    const BURSTY: Self = Self { items_min: 50_000, items_max: 250_000, ..Self::TWINS };
    /// Filling the queue takes longer than emptying it.
    const WORKER_LOOP: Self = Self { run_ms_quick: 20, ..Self::TWINS };
    /// Filling the queue takes longer than closing it.
    const CLOSE: Self =
        Self { items_min: close::QUEUED_ITEMS, items_max: 4 * close::QUEUED_ITEMS, ..Self::TWINS };

    /// A map is as full before a run as after it; the naive one takes microseconds per operation.
    #[cfg(feature = "dedup")]
    const MAP: Self =
        Self { rounds_quick: 5, run_ms_quick: 25, items_min: 10_000, items_max: 2_000_000, ..Self::TWINS };
    /// Windows that begin empty grow with the items of a run.
    #[cfg(feature = "dedup")]
    const DEDUP: Self = Self { items_min: 100_000, items_max: 1_000_000, ..Self::TWINS };

    /// The plan; `rounds` replaces the pace's own.
    pub fn plan(self, full: bool, rounds: Option<usize>) -> Plan {
        let own_rounds = if full { self.rounds_full } else { self.rounds_quick };
        Plan {
            rounds: rounds.unwrap_or(own_rounds),
            run_target: Duration::from_millis(if full { self.run_ms_full } else { self.run_ms_quick }),
            items_min: self.items_min,
            items_max: self.items_max,
        }
    }

    /// Items for a run of fixed size.
    pub fn fixed_items(self) -> u64 {
        (4 * self.items_min).min(self.items_max)
    }
}

impl RateJob {
    fn new(group: &'static str, scenario: &str, pace: Pace, contenders: Vec<Contender>) -> Self {
        Self { group, scenario: scenario.to_owned(), pace, contenders, optimized: None }
    }

    fn twins(self, optimized: &'static str) -> Self {
        Self { optimized: Some(optimized), ..self }
    }

    /// Leaves only contenders of which `GROUP/SCENARIO/CONTENDER` contains the pattern.
    pub fn admit(&mut self, pattern: &str) {
        let Self { group, scenario, contenders, .. } = self;
        contenders.retain(|contender| format!("{group}/{scenario}/{}", contender.name).contains(pattern));
    }

    /// Leaves only the naive twin and what is held against it.
    fn retain_twins(mut self) -> Option<Self> {
        let optimized = self.optimized?;
        self.contenders.retain(|contender| contender.role == Role::Naive || contender.name == optimized);
        Some(self)
    }
}

/// All jobs, in the order of the tables.
pub fn rate_jobs() -> Vec<RateJob> {
    let crowd = |producers| put_job(&put::scenario(producers), Pace::TWINS, put::crowd(producers));
    let peers = |producers| put_job(&put::scenario(producers), Pace::PEERS, put::contenders(producers));
    let mut jobs: Vec<RateJob> = PRODUCER_COUNTS.into_iter().map(peers).collect();
    jobs.extend(CROWD_COUNTS.into_iter().map(crowd));
    jobs.extend(put_shapes());
    jobs.extend(worker_loop::BATCH_SIZES.into_iter().map(worker_loop_job));
    jobs.extend(batch_buffers::SCENARIOS.into_iter().map(batch_buffers_job));
    jobs.extend(close::SCENARIOS.into_iter().map(close_job));
    #[cfg(feature = "dedup")]
    jobs.extend(dedup_jobs());
    #[cfg(feature = "c-abi")]
    jobs.extend(c_abi::SCENARIOS.into_iter().map(c_abi_job));
    jobs.push(RateJob::new(submit::GROUP, submit::SCENARIO, Pace::SUBMIT, submit::contenders()));
    jobs
}

/// The jobs with a naive twin, and in each only the twins.
pub fn twin_jobs() -> Vec<RateJob> {
    rate_jobs().into_iter().filter_map(RateJob::retain_twins).collect()
}

fn put_job(scenario: &str, pace: Pace, contenders: Vec<Contender>) -> RateJob {
    RateJob::new(put::GROUP, scenario, pace, contenders).twins(put::PUT)
}

fn put_shapes() -> Vec<RateJob> {
    let batches_of = |size: usize| put_job(&format!("batches-of-{size}"), Pace::TWINS, put::batches_of(size));
    let mut jobs = vec![
        put_job("heavy", Pace::TWINS, put::heavy()),
        put_job("light", Pace::LIGHT, put::light()),
        put_job("bursty", Pace::BURSTY, put::bursty()),
    ];
    jobs.extend([10, 100, 1_000, 10_000].map(batches_of));
    jobs
}

fn worker_loop_job(size: usize) -> RateJob {
    let contenders = worker_loop::contenders(size);
    RateJob::new(worker_loop::GROUP, &worker_loop::scenario(size), Pace::WORKER_LOOP, contenders)
        .twins(worker_loop::OURS)
}

fn batch_buffers_job(scenario: &str) -> RateJob {
    let contenders = batch_buffers::contenders(scenario);
    RateJob::new(batch_buffers::GROUP, scenario, Pace::TWINS, contenders).twins(batch_buffers::OURS)
}

fn close_job(scenario: &str) -> RateJob {
    RateJob::new(close::GROUP, scenario, Pace::CLOSE, close::contenders(scenario)).twins(close::OURS)
}

#[cfg(feature = "c-abi")]
fn c_abi_job(scenario: &str) -> RateJob {
    RateJob::new(c_abi::GROUP, scenario, Pace::PEERS, c_abi::contenders(scenario))
}

#[cfg(feature = "dedup")]
fn dedup_jobs() -> Vec<RateJob> {
    let batcher = |percent| {
        let contenders = dedup::batcher::contenders(percent);
        RateJob::new(dedup::batcher::GROUP, &dedup::batcher::scenario(percent), Pace::DEDUP, contenders)
            .twins(dedup::batcher::OURS)
    };
    let mut jobs = map_jobs::<u64>();
    jobs.extend(map_jobs::<[u8; 32]>());
    jobs.extend(dedup::batcher::DUPLICATE_PERCENTS.map(batcher));
    jobs
}

/// The maps of one type of key; they live until the last of these jobs is done.
#[cfg(feature = "dedup")]
fn map_jobs<K: dedup::key::Key>() -> Vec<RateJob> {
    let operation = |(op, contenders): (dedup::window::Op, Vec<Contender>)| {
        RateJob::new(op.group(), &op.scenario::<K>(), Pace::MAP, contenders).twins(dedup::subject::FASTBLOOM)
    };
    let mut jobs: Vec<RateJob> = dedup::window::contenders::<K>().into_iter().map(operation).collect();
    // One thread against two is a comparison of its own, not one of twins.
    let contenders = dedup::threads::contenders::<K>();
    jobs.push(RateJob::new(
        dedup::window::SET_GROUP,
        &dedup::threads::scenario::<K>(),
        Pace::DEDUP,
        contenders,
    ));
    jobs
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{rate_jobs, twin_jobs};
    use crate::interleave::Role;

    #[test]
    fn tables_are_told_apart_by_group_and_scenario() {
        let names: HashSet<(&str, String)> =
            rate_jobs().into_iter().map(|job| (job.group, job.scenario)).collect();
        assert_eq!(names.len(), rate_jobs().len());
    }

    #[test]
    fn twin_jobs_hold_one_naive_and_one_optimized() {
        for job in twin_jobs() {
            let names: Vec<&str> = job.contenders.iter().map(|contender| contender.name.as_str()).collect();
            assert_eq!(job.contenders.len(), 2, "{}/{}: {names:?}", job.group, job.scenario);
            assert!(job.contenders.iter().any(|contender| contender.role == Role::Naive));
            assert!(names.contains(&job.optimized.expect("twin jobs say who is optimized")));
        }
    }

    #[test]
    fn a_pattern_leaves_whom_it_names() {
        let mut job =
            rate_jobs().into_iter().find(|job| job.scenario == "producers-2").expect("it is listed");
        job.admit("put/producers-2/crossf");
        assert_eq!(job.contenders.len(), 1);
        job.admit("wake");
        assert!(job.contenders.is_empty());
    }
}
