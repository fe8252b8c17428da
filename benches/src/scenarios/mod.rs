//! What is timed. Each module is one scenario, or a group of them: its clock, what a contender must supply, and who
//! takes part.

pub mod batch_buffers;
#[cfg(feature = "c-abi")]
pub mod c_abi;
pub mod close;
#[cfg(feature = "dedup")]
pub mod dedup;
pub mod linger;
pub mod overload;
pub mod put;
pub mod submit;
pub mod wake;
pub mod worker_loop;
