// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bugs that are planted one after the other, to see which check notices (`docs/self-test.md`).

mod by_machine;
mod by_test;
pub mod finding;
pub mod mutant;
pub mod planting;
mod stand;
pub mod table;
pub mod trials;
