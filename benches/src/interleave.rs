//! The measuring loop: every contender runs once per round, in an order that rotates.
//!
//! Medians and quartiles are over rounds. A ratio between two contenders is the median of the rounds' ratios:
//! the two sides of each were measured within the same second or so, and drift of the machine cancels out. After
//! the rounds each contender runs twice more, untimed: once to count its allocations, once to sample latencies.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    counting_alloc::{Counted, counted},
    latency::Summary,
};

/// One run of one contender, as it reports it.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// From the first put until everything was handled.
    pub elapsed: Duration,
    /// Items put and handled.
    pub items: u64,
    /// Items that were refused, and so are in no batch.
    pub refused: u64,
    /// Batches they came in, where the contender tells.
    pub batches: Option<u64>,
    /// How long single operations took their callers; empty unless the run samples.
    pub samples_ns: Vec<u64>,
    /// How long items were on their way from put to handler, where the scenario knows.
    pub arrivals_ns: Vec<u64>,
    /// Bytes held per item at the end, where the contender holds items and tells.
    pub held_item_bytes: Option<f64>,
}

impl Run {
    fn item_ns(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.items as f64
    }
}

/// Whether a run times single operations; if so, its own time does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// A run for the clock, or for counting.
    Off,
    /// Every 64th operation is timed, or every one where the scenario says so.
    On,
}

/// The part a contender plays in its scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Does the work without any hand-over.
    Floor,
    /// A peer; the best of them is what ours is held against.
    Rival,
    /// The naive twin.
    Naive,
    /// Batchline.
    Ours,
}

/// Somebody who can run a load of any size.
pub struct Contender {
    /// The part it plays.
    pub role: Role,
    /// The name in tables, JSON and `--only`.
    pub name: String,
    /// Producer threads, or callers.
    pub producers: usize,
    /// Items in a full batch.
    pub batch_items_max: usize,
    /// Runs this many items.
    pub run: Box<dyn Fn(u64, Sampling) -> Run>,
}

impl Contender {
    /// One run of this many items.
    pub fn run(&self, items: u64) -> Run {
        (self.run)(items, Sampling::Off)
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds that count; two warm-ups and two untimed passes come on top.
    pub rounds: usize,
    /// How long one run should take; the item count follows from it.
    pub run_target: Duration,
    /// The fewest items in a run.
    pub items_min: u64,
    /// The most items in a run.
    pub items_max: u64,
}

impl Plan {
    /// Runs of each contender, over all passes.
    pub fn runs(&self) -> usize {
        self.rounds + 4
    }
}

/// What the rounds gave for one contender; in JSON the raw part of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// The contender's name.
    #[serde(rename = "contender")]
    pub name: String,
    /// The contender's part.
    pub role: Role,
    /// Its producer threads, or callers.
    pub producers: usize,
    /// Items in a full batch.
    pub batch_items_max: usize,
    /// Items per run.
    #[serde(rename = "run_items")]
    pub items: u64,
    /// Nanoseconds per item, one entry per round.
    #[serde(rename = "item_ns_by_round")]
    pub item_ns: Vec<f64>,
    /// Mean batch size of the last run, where the contender tells.
    pub batch_items: Option<f64>,
    /// Allocations per item, from the untimed counting pass.
    pub item_allocations: f64,
    /// Bytes asked of the allocator per item, from the same pass.
    pub item_bytes: f64,
    /// Bytes held per item at the end of the last run, where the contender holds items and tells.
    pub held_item_bytes: Option<f64>,
    /// How long single operations took their callers, from the untimed sampling pass.
    pub latency: Option<Summary>,
    /// From an item's put until its handler started, from the sampling pass, where the scenario knows.
    pub end_to_end: Option<Summary>,
}

impl Measured {
    /// The median over rounds, ns per item.
    pub fn median_ns(&self) -> f64 {
        quantile(&self.item_ns, 0.5)
    }

    /// The quartiles over rounds, ns per item.
    pub fn quartiles_ns(&self) -> (f64, f64) {
        (quantile(&self.item_ns, 0.25), quantile(&self.item_ns, 0.75))
    }

    /// How many times faster than `rival` this contender was: the median over rounds of the rounds' ratios.
    pub fn speedup_over(&self, rival: &Self) -> f64 {
        let ratios: Vec<f64> =
            rival.item_ns.iter().zip(&self.item_ns).map(|(theirs, own)| theirs / own).collect();
        quantile(&ratios, 0.5)
    }

    fn add_round(&mut self, run: &Run) {
        self.item_ns.push(run.item_ns());
        self.held_item_bytes = run.held_item_bytes;
        self.batch_items = run.batches.map(|batches| (run.items - run.refused) as f64 / batches as f64);
    }

    fn set_counts(&mut self, run: &Run, counts: Counted) {
        self.item_allocations = counts.allocations as f64 / run.items as f64;
        self.item_bytes = counts.bytes as f64 / run.items as f64;
    }

    fn set_samples(&mut self, run: Run) {
        self.latency = Summary::of(run.samples_ns);
        self.end_to_end = Summary::of(run.arrivals_ns);
    }
}

/// Warms up, measures all contenders against each other, counts their allocations, and samples their latencies;
/// `ran` is called after each run.
pub fn measure(contenders: &[Contender], plan: Plan, mut ran: impl FnMut()) -> Vec<Measured> {
    let warm_up = |contender| {
        let result = warm_up(contender, plan);
        (0..2).for_each(|_| ran());
        result
    };
    let mut measured: Vec<Measured> = contenders.iter().map(warm_up).collect();
    for round in 0..plan.rounds {
        for step in 0..contenders.len() {
            let turn = (round + step) % contenders.len();
            let run = contenders[turn].run(measured[turn].items);
            measured[turn].add_round(&run);
            ran();
        }
    }
    for (contender, result) in contenders.iter().zip(&mut measured) {
        let (run, counts) = counted(|| contender.run(result.items));
        result.set_counts(&run, counts);
        ran();
        result.set_samples((contender.run)(result.items, Sampling::On));
        ran();
    }
    measured
}

/// Two untimed runs: a short one to learn the contender's speed, and one at the size that follows from it.
fn warm_up(contender: &Contender, plan: Plan) -> Measured {
    let mut items = plan.items_min;
    for _ in 0..2 {
        let run = contender.run(items);
        let wanted = plan.run_target.as_secs_f64() * 1e9 / run.item_ns();
        items = (wanted as u64).clamp(plan.items_min, plan.items_max);
    }
    Measured {
        name: contender.name.clone(),
        role: contender.role,
        producers: contender.producers,
        batch_items_max: contender.batch_items_max,
        items,
        item_ns: Vec::with_capacity(plan.rounds),
        batch_items: None,
        item_allocations: 0.0,
        item_bytes: 0.0,
        held_item_bytes: None,
        latency: None,
        end_to_end: None,
    }
}

/// The quantile of a few samples, by linear interpolation.
fn quantile(samples: &[f64], at: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = at * sorted.len().saturating_sub(1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_interpolate() {
        let samples = [4.0, 1.0, 3.0, 2.0];
        assert!((quantile(&samples, 0.5) - 2.5).abs() < 1e-9);
        assert!((quantile(&samples, 0.0) - 1.0).abs() < 1e-9);
        assert!((quantile(&samples, 1.0) - 4.0).abs() < 1e-9);
    }
}
