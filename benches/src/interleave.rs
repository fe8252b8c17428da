//! The measuring loop: every contender runs once per round, in an order that rotates.
//!
//! Medians and quartiles are over rounds. A ratio between two contenders is the median of the rounds' ratios:
//! the two sides of each were measured within the same second or so, and drift of the machine cancels out.

use std::{fmt, time::Duration};

use crate::counting_alloc::counted;

/// One run of one contender, as it reports it.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// From the first put until everything was handled.
    pub elapsed: Duration,
    /// Items put and handled.
    pub items: u64,
    /// Batches they came in, where the contender tells.
    pub batches: Option<u64>,
}

impl Run {
    fn item_ns(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.items as f64
    }
}

/// The part a contender plays in its scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Runs this many items.
    pub run: Box<dyn Fn(u64) -> Run>,
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds that count; the warm-up comes on top.
    pub rounds: usize,
    /// How long one run should take; the item count follows from it.
    pub run_target: Duration,
    /// The fewest items in a run.
    pub items_min: u64,
    /// The most items in a run.
    pub items_max: u64,
}

/// What the rounds gave for one contender.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The contender's part.
    pub role: Role,
    /// The contender's name.
    pub name: String,
    /// Its producer threads, or callers.
    pub producers: usize,
    /// Items per run.
    pub items: u64,
    /// Nanoseconds per item, one entry per round.
    pub item_ns: Vec<f64>,
    /// Mean batch size of the last run, where the contender tells.
    pub batch_items: Option<f64>,
    /// Allocations per item, from the untimed counting pass.
    pub item_allocations: f64,
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
}

/// Warms up, measures all contenders against each other, then counts their allocations.
pub fn measure(contenders: &[Contender], plan: Plan) -> Vec<Measured> {
    let mut measured: Vec<Measured> = contenders.iter().map(|contender| warm_up(contender, plan)).collect();
    for round in 0..plan.rounds {
        for step in 0..contenders.len() {
            let turn = (round + step) % contenders.len();
            let run = (contenders[turn].run)(measured[turn].items);
            measured[turn].item_ns.push(run.item_ns());
            measured[turn].batch_items = run.batches.map(|batches| run.items as f64 / batches as f64);
        }
    }
    for (contender, result) in contenders.iter().zip(&mut measured) {
        let (run, allocations) = counted(|| (contender.run)(result.items));
        result.item_allocations = allocations as f64 / run.items as f64;
    }
    measured
}

/// Two untimed runs: a short one to learn the contender's speed, and one at the size that follows from it.
fn warm_up(contender: &Contender, plan: Plan) -> Measured {
    let mut items = plan.items_min;
    for _ in 0..2 {
        let run = (contender.run)(items);
        let wanted = plan.run_target.as_secs_f64() * 1e9 / run.item_ns();
        items = (wanted as u64).clamp(plan.items_min, plan.items_max);
    }
    Measured {
        role: contender.role,
        name: contender.name.clone(),
        producers: contender.producers,
        items,
        item_ns: Vec::with_capacity(plan.rounds),
        batch_items: None,
        item_allocations: 0.0,
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
