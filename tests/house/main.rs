// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of the house: which file may depend on which.

mod circles;
mod kernel;
mod order;
mod rust;
