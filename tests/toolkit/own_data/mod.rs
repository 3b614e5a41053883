// SPDX-License-Identifier: MIT OR Apache-2.0
//! Validation on vectors of the user's own: what is read, and what is refused.

mod formats;
mod reading;
mod refusals;
