//! The numbers the project wants to reach, and whether this run reached them.
//!
//! All but three are ratios between contenders of the same run, so they hold on any machine or on none.

use crate::{
    interleave::Measured,
    load::PRODUCER_COUNTS,
    results::{RateTable, Results},
    scenarios::{linger, overload, put, submit, wake},
};

#[cfg(feature = "c-abi")]
mod c_abi;
#[cfg(feature = "dedup")]
mod dedup;
mod twins;

/// What overload may add to a put's deadline before it counts as late.
const DEADLINE_SLACK_MS: f64 = 5.0;

/// One goal, and what was measured for it.
#[derive(Debug, Clone)]
pub struct Goal {
    /// What it says.
    pub text: String,
    /// What it asks for.
    pub bound: Bound,
    /// What was measured; none when its contenders did not run.
    pub measured: Option<f64>,
    /// The unit of both, as it is printed: `x` for a ratio.
    pub unit: &'static str,
}

/// The side on which a goal is reached.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    /// Whether it was reached; none when it was not measured.
    pub fn is_reached(&self) -> Option<bool> {
        self.measured.map(|measured| match self.bound {
            Bound::AtLeast(bound) => measured >= bound,
            Bound::AtMost(bound) => measured <= bound,
        })
    }
}

/// All goals, in the order of the scenarios.
pub fn all(results: &Results) -> Vec<Goal> {
    let mut goals: Vec<Goal> =
        PRODUCER_COUNTS.into_iter().flat_map(|producers| put_goals(results, producers)).collect();
    goals.extend(submit_goals(results));
    goals.extend(latency_goals(results));
    #[cfg(feature = "dedup")]
    goals.extend(dedup::all(results));
    #[cfg(feature = "c-abi")]
    goals.extend(c_abi::all(results));
    goals.extend(twins::all(results));
    goals
}

fn put_goals(results: &Results, producers: usize) -> Vec<Goal> {
    let table = results.rate_table(put::GROUP, &put::scenario(producers));
    let own = |name: &str| table.and_then(|table| table.named(name));
    let channel = table.and_then(RateTable::best_rival);
    let channel_name = channel.map_or("the best channel", |rival| rival.name.as_str());
    let against_channel = |name: &str, bound| Goal {
        text: format!("put by {producers}: {name} over {channel_name}"),
        bound: Bound::AtLeast(bound),
        measured: speedup(own(name), channel),
        unit: "x",
    };
    vec![
        against_channel(put::PUT, if producers == 1 { 4.0 } else { 5.0 }),
        Goal {
            text: format!("put by {producers}: {} over {}", put::PUT, put::NAIVE),
            bound: Bound::AtLeast(40.0),
            measured: speedup(own(put::PUT), own(put::NAIVE)),
            unit: "x",
        },
        against_channel(put::PRODUCER, 5.0),
        Goal {
            text: format!("put by {producers}: {}", put::PUT_MANY),
            bound: Bound::AtMost(0.8),
            measured: own(put::PUT_MANY).map(Measured::median_ns),
            unit: " ns/item",
        },
        against_channel(put::ORDERED, 1.0),
    ]
}

/// Everyone's better mode against everyone's better mode; tasks against tasks first, then our threads against all.
fn submit_goals(results: &Results) -> Vec<Goal> {
    let table = results.rate_table(submit::GROUP, submit::SCENARIO);
    let best = |peer: &str, shape: &str| {
        table.and_then(|table| table.fastest(|row| row.name.starts_with(peer) && row.name.contains(shape)))
    };
    let pairs = [
        (submit::TASKS, "batch-aint-one", submit::TASKS),
        (submit::TASKS, "ultra-batch", submit::TASKS),
        (submit::TASKS, "oneshot", submit::TASKS),
        (submit::THREADS, "batch-aint-one", submit::TASKS),
        (submit::THREADS, "ultra-batch", submit::TASKS),
        (submit::THREADS, "oneshot", submit::THREADS),
    ];
    let goal = |(own_shape, peer, shape): (&str, &str, &str)| {
        let (own, rival) = (best(submit::OURS, own_shape), best(peer, shape));
        let name = |row: Option<&Measured>, or: String| row.map_or(or, |row| row.name.clone());
        let own_name = name(own, format!("{}{own_shape}*", submit::OURS));
        let rival_name = name(rival, format!("{peer}{shape}*"));
        Goal {
            text: format!("submit: {own_name} over {rival_name}"),
            bound: Bound::AtLeast(5.0),
            measured: speedup(own, rival),
            unit: "x",
        }
    };
    pairs.into_iter().map(goal).collect()
}

fn latency_goals(results: &Results) -> Vec<Goal> {
    let wake_ns = |name| results.latency(wake::SCENARIO, name).map(|latency| latency.p50_ns as f64);
    let linger_p99_ns = results.latency(linger::SCENARIO, linger::OURS).map(|latency| latency.p99_ns as f64);
    let longest_ms =
        |name| results.latency(overload::SCENARIO, name).map(|latency| latency.max_ns as f64 / 1e6);
    let wake_ratio = wake_ns(wake::OURS).zip(wake_ns(wake::BARE)).map(|(own, bare)| own / bare);
    let deadline_ms = overload::PUT_DEADLINE.as_secs_f64() * 1e3;
    let at_most =
        |text: String, bound, measured, unit| Goal { text, bound: Bound::AtMost(bound), measured, unit };
    vec![
        at_most("wake: median, beside a bare unpark".to_owned(), 1.5, wake_ratio, "x"),
        at_most("linger of 1 ms: overshoot, p99".to_owned(), 200.0, linger_p99_ns.map(|ns| ns / 1e3), " µs"),
        at_most(
            format!("overload: longest put, {}", overload::BLOCK_FOR),
            deadline_ms + DEADLINE_SLACK_MS,
            longest_ms(overload::BLOCK_FOR),
            " ms",
        ),
        at_most(
            format!("overload: longest put, {}", overload::FAIL),
            DEADLINE_SLACK_MS,
            longest_ms(overload::FAIL),
            " ms",
        ),
    ]
}

fn speedup(own: Option<&Measured>, rival: Option<&Measured>) -> Option<f64> {
    own.zip(rival).map(|(own, rival)| own.speedup_over(rival))
}
