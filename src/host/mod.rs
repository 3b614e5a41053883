// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done on the host itself: the FUSE driver tried and timed, indexes built, peers measured. The module is never
//! loaded here.

mod daemon;
pub mod fuse;
pub mod indexes;
pub mod peers;
pub mod scratch;
pub mod terminal;
mod user_namespace;
