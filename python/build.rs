//! Tells the code which Python it is built for: with a GIL or without, limited API or not.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
