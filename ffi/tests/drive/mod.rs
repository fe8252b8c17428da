//! Programs of ABI calls, made from bytes: any bytes are a program. `drive` runs one and checks what must always hold:
//! no call panics, the ledger adds up, user data is freed exactly once, every request is finished once its batcher is
//! freed, and an accepted item is handled or handed back, and not twice.
//!
//! A program keeps to what the header asks of its callers, and to nothing more: it passes NULL, sizes and numbers of
//! all kinds, but frees nothing twice and uses nothing that was freed.

mod choices;
mod input;
mod life;
mod out;
mod puts;
mod seen;
mod wrong;

use input::Input;
use life::Life;

/// Batchers that one program may make.
const LIVES_MAX: usize = 3;

/// Runs the program that `bytes` are.
pub(crate) fn drive(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    for _ in 0..LIVES_MAX {
        if input.is_over() {
            break;
        }
        if let Some(life) = Life::begin(&mut input) {
            life.run(&mut input);
        }
    }
}
