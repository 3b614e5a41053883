// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust's side of the fuzzer as a library for C (`docs/differential.md`).

mod rust;

/// The function `fuzz_rust_fn` of `input.h`.
///
/// # Safety
///
/// The conditions of [`rust::run`] hold.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vexfs_fuzz_rust(case: &rust::Case, found: &mut rust::Found) {
    // SAFETY: the caller's promise.
    unsafe { rust::run(case, found) }
}
