//! Which page holds which blocks, and what writes each.

use super::{
    beside_naive, conditions, filters, goals, latencies, memory, put, refusal::Missing, submit, twins,
};
use crate::page::Report;

/// A page with figures.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Where it is, from the root of the repository.
    pub path: &'static str,
    /// What is between its marks, each exactly once.
    pub blocks: &'static [Block],
}

/// A table or a paragraph that is made from a run.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// What its first mark says.
    pub name: &'static str,
    /// Its text, without a line break at the end.
    pub write: fn(&Report) -> Result<String, Missing>,
}

/// All pages with figures.
pub const PAGES: &[Page] = &[
    Page { path: "README.md", blocks: &[CONDITIONS, GOALS_REACHED, PUT, SUBMIT, BESIDE_NAIVE, LATENCIES] },
    Page {
        path: "docs/guide/performance.md",
        blocks: &[CONDITIONS, TWINS, MEMORY, FILTERS, GOALS_REACHED, GOALS_MISSED],
    },
];

const CONDITIONS: Block = Block { name: "conditions", write: conditions::write };
const GOALS_REACHED: Block = Block { name: "goals-reached", write: goals::write_reached };
const GOALS_MISSED: Block = Block { name: "goals-missed", write: goals::write_missed };
const PUT: Block = Block { name: "put", write: put::write };
const SUBMIT: Block = Block { name: "submit", write: submit::write };
const BESIDE_NAIVE: Block = Block { name: "beside-naive", write: beside_naive::write };
const LATENCIES: Block = Block { name: "latencies", write: latencies::write };
const TWINS: Block = Block { name: "twins", write: twins::write };
const MEMORY: Block = Block { name: "memory", write: memory::write };
const FILTERS: Block = Block { name: "filters", write: filters::write };
