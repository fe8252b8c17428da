//! Where the libraries of this workspace and the C sources are.

use std::path::{Path, PathBuf};

/// What the static library wants from the system, as `rustc --print native-static-libs` lists it.
pub(crate) const SYSTEM_LIBRARIES: &[&str] = &["-lgcc_s", "-lpthread", "-lm", "-ldl"];

/// The folder that cargo built this test, and with it the libraries, into.
pub(crate) fn folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_path_buf()
}

pub(crate) fn static_library() -> PathBuf {
    present(folder().join("libbatchline_ffi.a"))
}

pub(crate) fn shared_library() -> PathBuf {
    present(folder().join("libbatchline_ffi.so"))
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

pub(crate) fn c_source(name: &str) -> PathBuf {
    present(repository().join("tests/c").join(name))
}

/// A folder of this test's own, for what `name` builds and writes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn present(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing; `cargo build -p batchline-ffi` makes it", path.display());
    path
}
