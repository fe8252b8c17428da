//! The figures on the project's pages, written there from a saved run: between their marks, and nowhere else.
//!
//! [`PAGES`] says which page holds which blocks, and what writes each. All blocks of all pages are made before the
//! first page is written: a run with a hole, or a page with a broken mark, changes nothing.

mod beside_naive;
mod conditions;
mod entry;
mod fill;
mod filters;
mod goals;
mod latencies;
mod markdown_table;
pub mod marks;
mod memory;
pub mod pages;
mod put;
pub mod refusal;
mod submit;
mod twins;

use std::{fs, path::Path};

use self::{
    pages::{PAGES, Page},
    refusal::Refusal,
};
use crate::page::Report;

/// The text of a page with the figures of this run.
pub fn rewrite(page: &Page, text: &str, report: &Report) -> Result<String, Refusal> {
    let bodies = page.blocks.iter().map(|block| {
        let body = (block.write)(report);
        body.map(|body| (block.name, body)).map_err(|missing| Refusal::Data(page.path, block.name, missing))
    });
    let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
    marks::replace(text, &bodies).map_err(|fault| Refusal::Marks(page.path, fault))
}

/// Rewrites all pages below this folder, or none; returns those whose text has changed.
pub fn write(root: &Path, report: &Report) -> Result<Vec<&'static str>, Refusal> {
    let pages = PAGES.iter().map(|page| {
        let before =
            fs::read_to_string(root.join(page.path)).map_err(|error| Refusal::File(page.path, error))?;
        let after = rewrite(page, &before, report)?;
        Ok((page.path, before, after))
    });
    let pages = pages.collect::<Result<Vec<_>, _>>()?;
    let changed = pages.into_iter().filter(|(_, before, after)| before != after);
    changed.map(|(path, _, after)| save(root, path, &after).map(|()| path)).collect()
}

fn save(root: &Path, path: &'static str, text: &str) -> Result<(), Refusal> {
    fs::write(root.join(path), text).map_err(|error| Refusal::File(path, error))
}
