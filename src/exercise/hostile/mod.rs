// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a user without privileges can do to a mount: ioctls of any words and bytes, and files that are made to deceive.
//!
//! Everything follows from a seed. As long as nobody else changes the files, each answer must be the one that the code
//! of the FUSE driver gives on the same bytes. Otherwise it must be a documented error, or an answer of the right form.

pub mod changes;
pub mod crafted;
mod fields;
pub mod ground;
mod index_file;
pub mod memory;
pub mod model;
pub mod numbers;
mod random;
pub mod struggle;
mod tally;
mod vector_file;

pub use random::Random;
pub use tally::{AS_EXPECTED, Tally};
