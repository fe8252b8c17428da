//! What it costs to read the clock: a part of every latency in the tables, stated beside them and not subtracted.

use std::{hint::black_box, time::Instant};

const READS: u32 = 10_000;
const ROUNDS: usize = 21;

/// Nanoseconds per `Instant::now()`, the median over rounds.
pub fn measure_ns() -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round_ns()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn round_ns() -> f64 {
    let started = Instant::now();
    for _ in 0..READS {
        black_box(Instant::now());
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(READS)
}

#[cfg(test)]
mod tests {
    use super::measure_ns;

    #[test]
    fn a_clock_read_costs_something() {
        assert!((0.1..100_000.0).contains(&measure_ns()));
    }
}
