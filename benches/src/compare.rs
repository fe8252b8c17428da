//! Two saved runs side by side: did anything of ours become slower?
//!
//! A difference counts only if three things agree: it is larger than a tolerance, the quartiles of the two runs do
//! not overlap, and a rank test over the rounds ([`rank_test`]) would see as much by chance in less than one case of
//! a thousand. The quartiles alone are not enough: those of twice seven rounds of one and the same code lie apart in
//! one case of thirteen, and a comparison has a hundred rows. The test alone is not enough either: it takes rounds
//! for independent, which those of one run are not, and with many rounds it is sure of any shift. Fewer than seven
//! rounds decide nothing. Latencies have samples in place of rounds: the tolerance and the quartiles decide.
//!
//! Times are first divided by how much slower the machine was as a whole, as the contenders tell that are not ours
//! ([`machine_speed`]). Since their code did not change, what they still scatter is noise, and the tolerance is
//! never smaller than that: a change between the two is too noisy to call.

pub mod machine_speed;
pub mod rank_test;
pub mod refusal;
pub mod rows;
pub mod spread;
mod terminal;
pub mod verdict;
mod warnings;

use std::{io::Write, path::Path};

use crate::page::{
    Report,
    saved::{Kind, Role},
};

pub use self::refusal::Refusal;
use self::{
    machine_speed::MachineSpeed,
    rows::{Pair, pairs},
    verdict::{Verdict, of_group, of_pair},
};

/// Changes of less than this are none, however clear.
pub const TOLERANCE: f64 = 0.05;

/// What came of a comparison.
#[derive(Debug)]
pub struct Comparison {
    /// How the conditions differ in ways that matter.
    pub warnings: Vec<String>,
    /// How fast the machine was in tables of rates.
    pub rates: MachineSpeed,
    /// How fast it was in tables of latencies.
    pub latencies: MachineSpeed,
    /// The groups of both runs, in order of appearance.
    pub groups: Vec<GroupComparison>,
}

/// One group.
#[derive(Debug)]
pub struct GroupComparison {
    /// Its name.
    pub group: String,
    /// What the rows of ours say together.
    pub verdict: Verdict,
    /// All rows, those of controls included.
    pub rows: Vec<RowComparison>,
}

/// One contender in one table.
#[derive(Debug)]
pub struct RowComparison {
    /// What was measured before and after.
    pub pair: Pair,
    /// After divided by before and by the slowness of the machine; none when one side is missing.
    pub ratio: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// Compares two runs; refuses when no group is in both.
pub fn compare(before: &Report, after: &Report) -> Result<Comparison, Refusal> {
    let pairs = pairs(before, after);
    if !pairs.iter().any(Pair::is_complete) {
        return Err(Refusal::NothingInCommon);
    }
    let rates = MachineSpeed::of(pairs.iter().filter(|pair| pair.place.kind == Kind::Rate));
    let latencies = MachineSpeed::of(pairs.iter().filter(|pair| pair.place.kind == Kind::Latency));
    let mut groups: Vec<GroupComparison> = Vec::new();
    for pair in pairs {
        let speed = if pair.place.kind == Kind::Rate { &rates } else { &latencies };
        add(&mut groups, RowComparison::of(pair, speed));
    }
    for group in &mut groups {
        group.verdict = of_group(&group.judged());
    }
    Ok(Comparison { warnings: warnings::of(&before.conditions, &after.conditions), rates, latencies, groups })
}

fn add(groups: &mut Vec<GroupComparison>, row: RowComparison) {
    match groups.iter_mut().find(|group| group.group == row.pair.place.group) {
        Some(group) => group.rows.push(row),
        None => {
            let group = row.pair.place.group.clone();
            groups.push(GroupComparison { group, verdict: row.verdict, rows: vec![row] });
        }
    }
}

impl RowComparison {
    fn of(pair: Pair, speed: &MachineSpeed) -> Self {
        let (ratio, verdict) = of_pair(&pair, speed.ratio, speed.tolerance());
        Self { pair, ratio, verdict }
    }

    /// True if it is the project's.
    pub fn is_ours(&self) -> bool {
        self.pair.role == Role::Ours
    }
}

impl GroupComparison {
    /// The verdicts that count: those of ours, or of the naive twin where there is none of ours, or else all.
    fn judged(&self) -> Vec<Verdict> {
        let of = |admit: &dyn Fn(&RowComparison) -> bool| -> Vec<Verdict> {
            self.rows.iter().filter(|row| admit(row)).map(|row| row.verdict).collect()
        };
        let ours = of(&RowComparison::is_ours);
        let naive = || of(&|row| row.pair.role == Role::Naive);
        let found = if ours.is_empty() { naive() } else { ours };
        if found.is_empty() { of(&|_| true) } else { found }
    }
}

impl Comparison {
    /// All rows of ours.
    pub fn ours(&self) -> impl Iterator<Item = &RowComparison> {
        self.groups.iter().flat_map(|group| &group.rows).filter(|row| row.is_ours())
    }

    /// True if anything of ours is slower.
    pub fn is_anything_slower(&self) -> bool {
        self.ours().any(|row| row.verdict == Verdict::Slower)
    }
}

/// Compares two runs, prints what came of it, and returns whether anything of ours is slower.
pub fn print_comparison(before: &Report, after: &Report, out: &mut impl Write) -> Result<bool, Refusal> {
    let comparison = compare(before, after)?;
    terminal::print(before, after, &comparison, out).map_err(Refusal::Output)?;
    Ok(comparison.is_anything_slower())
}

/// Likewise, from files.
pub fn compare_files(before: &Path, after: &Path, out: &mut impl Write) -> Result<bool, Refusal> {
    let read = |path: &Path| Report::read(path).map_err(|cause| Refusal::Unreadable(path.to_owned(), cause));
    print_comparison(&read(before)?, &read(after)?, out)
}
