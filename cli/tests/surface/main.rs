//! The binary as its users meet it: arguments in, exit code, stdout, stderr and files out.

mod command_line;
mod demo;
mod isolation;
mod load_csv;
mod load_ndjson;
mod program;
mod refused_input;
mod refused_target;
mod rejects;
mod shutdown;
