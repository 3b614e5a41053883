// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootable image: one disk that any UEFI machine boots, and that validates by itself (`docs/image.md`).
//!
//! [`build`] makes it, [`boot`] is what it does when it boots, [`report`] reads back what came of it. What the two last
//! have in common is the data partition ([`data`]) and the judgement (`judge`).

pub mod boot;
pub mod build;
mod console;
mod contents;
pub mod data;
mod disk;
mod fat;
mod judge;
pub mod report;
mod uki;
