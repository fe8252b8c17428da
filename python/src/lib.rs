//! `batchline._core`: the engine of Batchline for Python. An item is one pointer in a slab; a batch is a list that is
//! made by one copy; the handler is called on a thread that keeps its Python thread state.
//!
//! ```text
//! put        put.rs, put_many.rs, submit.rs   an object becomes an item (item.rs), or bytes a record (record.rs)
//! wait       waiting.rs                       for room or for an end, without the GIL, in slices that see Ctrl-C
//! handle     deliver.rs, verdict.rs           items become a list, the handler runs, its answer is read
//! complete   future.rs, failures.rs           futures get their outcomes; what nobody waits for is told of
//! end        live.rs, fork.rs                 exit, garbage collection, fork
//! ```

mod attach;
mod batch;
mod batcher;
mod dedup;
mod deliver;
mod drops;
mod dtype;
mod errors;
mod failures;
mod future;
mod given;
mod item;
mod key;
mod live;
mod method;
mod objects;
mod options;
mod prepared;
mod put;
mod put_many;
mod receipt;
mod record;
mod seconds;
mod shared;
mod stats;
mod stay;
mod submit;
mod surface;
mod typed;
mod verdict;
mod waiting;

use pyo3::prelude::*;

/// The engine of Batchline. Use it through the package `batchline`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    live::refuse_other_interpreters()?;
    module.add_class::<batcher::Batcher>()?;
    module.add_class::<batch::Batch>()?;
    module.add_class::<receipt::Receipt>()?;
    module.add_class::<stats::Stats>()?;
    module.add_class::<dedup::Dedup>()?;
    module.add_class::<dedup::Claim>()?;
    module.add_class::<dedup::WindowStats>()?;
    let sequences = module.py().import("collections.abc")?.getattr("Sequence")?;
    sequences.call_method1("register", (module.py().get_type::<batch::Batch>(),))?;
    method::add_methods(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::add_to(module)?;
    future::add_to(module)?;
    live::register(module)
}
