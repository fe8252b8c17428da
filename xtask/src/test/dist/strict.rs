//! The guide's programs under the eyes of others: the compiler with all its warnings, and valgrind.

use super::moved::Moved;
use anyhow::Result;

/// As C99, without a single warning.
pub(super) fn compiles(moved: &Moved, program: &str) -> Result<()> {
    let strict = "-std=c99 -Wall -Wextra -Wconversion -pedantic -Werror";
    moved.sh(&format!("cc {strict} -I\"$prefix/include\" -fsyntax-only {program}"))
}

/// Linked to the static library, which is the one that was taken apart.
pub(super) fn passes_valgrind(moved: &Moved, program: &str) -> Result<()> {
    moved.sh(&format!(
        "export PKG_CONFIG_PATH=\"$prefix/lib/pkgconfig\"
         cc -g -o checked {program} $(pkg-config --cflags --libs batchline-static)
         valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite ./checked"
    ))
}
