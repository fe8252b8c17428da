//! What is measured, and how: Batchline beside its naive twin and its peers, all in one run on one machine.
//!
//! A [`scenarios`] module says what is timed and what a contender must supply; a file in [`peers`] is one
//! contender and nothing else; [`suite`] lists the tables; [`interleave`] is the measuring loop: every contender runs
//! once per round, in an order that rotates, so that a slow minute of the machine falls on all of them alike.
//! [`goals`] holds the numbers the project wants to reach, always as ratios within the run, and [`report`] prints the
//! lot.
//!
//! The rules every scenario keeps:
//!
//! - The clock runs from the first put until the last item was handled, closing included, unless the scenario says
//!   otherwise.
//! - Every run proves that all its items arrived (sum, count, batch sizes), or panics.
//! - All contenders have the same batch size, the same linger, the same bound and the same handler.
//! - A contender is written as its authors would write it; what was tried and was slower is named in its file.

pub mod channel_batcher;
pub mod channel_loop;
pub mod cli;
pub mod clock_cost;
pub mod compare;
pub mod counting_alloc;
pub mod counts;
pub mod docs;
pub mod goals;
pub mod interleave;
pub mod json;
pub mod latency;
pub mod load;
pub mod machine;
pub mod page;
pub mod peers;
pub mod progress;
pub mod report;
pub mod results;
pub mod scenarios;
pub mod sink;
pub mod suite;
pub mod text_table;
