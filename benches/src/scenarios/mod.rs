//! What is timed. Each module is one scenario: its clock, what a contender must supply, and who takes part.

pub mod linger;
pub mod overload;
pub mod put;
pub mod submit;
pub mod wake;
