// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of the house: which file may depend on which, and how documents and doc comments read.

mod circles;
mod comments;
mod documents;
mod errors;
mod kernel;
mod order;
mod prose;
mod rust;
