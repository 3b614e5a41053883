// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be done with the records of runs (`docs/records.md`): packed into one file, verified, reproduced, compared,
//! and asked whether a module may leave the virtual machine.

pub mod bare_metal;
pub mod compare;
mod files;
pub mod pack;
pub mod reproduce;
pub mod source;
mod statement;
pub mod this_machine;
mod unpack;
