//! How much slower the machine was in the second run, by the contenders whose code is not ours.

use super::{
    TOLERANCE,
    rows::Pair,
    spread::{Measurement, quantile},
};
use crate::page::saved::Role;

/// Fewer controls than this say nothing about their scatter.
const CONTROLS_MIN: usize = 4;

/// What the controls say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineSpeed {
    /// The median of the controls' times after, divided by those before; 1 without controls.
    pub ratio: f64,
    /// Three of four controls are nearer to that median than this share of it; 0 when they are too few to tell.
    pub scatter: f64,
    /// How many controls there were.
    pub controls: usize,
}

impl MachineSpeed {
    /// Asks the controls: rivals and the floor.
    pub fn of<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Self {
        let controls = pairs.filter(|pair| matches!(pair.role, Role::Rival | Role::Floor));
        let measured = controls.filter_map(Pair::measurements);
        let ratio =
            |(before, after): (&Measurement, &Measurement)| after.spread.median_ns / before.spread.median_ns;
        let mut ratios: Vec<f64> = measured.map(ratio).collect();
        if ratios.is_empty() {
            return Self { ratio: 1.0, scatter: 0.0, controls: 0 };
        }
        ratios.sort_by(f64::total_cmp);
        let ratio = quantile(&ratios, 0.5);
        Self { ratio, scatter: scatter(&ratios, ratio), controls: ratios.len() }
    }

    /// What a change must exceed.
    pub fn tolerance(&self) -> f64 {
        TOLERANCE.max(self.scatter)
    }
}

fn scatter(ratios: &[f64], middle: f64) -> f64 {
    let mut distances: Vec<f64> = ratios.iter().map(|ratio| (ratio / middle - 1.0).abs()).collect();
    distances.sort_by(f64::total_cmp);
    if distances.len() < CONTROLS_MIN { 0.0 } else { quantile(&distances, 0.75) }
}
