// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures that carry what they were measured under, and ratios of two of them, which exist only like for like
//! (`docs/method.md`).

mod conditions;
mod estimate;
mod figure;
mod like_for_like;
mod located;
mod ratio;
mod standing;

pub use conditions::{Clock, Conditions, Dataset, Engine, Machine, Operation, Window};
pub use estimate::{Estimate, Parts};
pub use figure::{Figure, Quantity, Spread};
pub use like_for_like::{Difference, Refusal, Rule};
pub use located::Located;
pub use ratio::{Against, Ratio};
pub use standing::{Fastest, Standing, Standings};
