// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines that really boot: bundles, images, runs and their records, and faults that must be found.

mod boot;
mod bundles;
#[path = "../support/criteria.rs"]
mod criteria;
mod endings;
mod faults;
mod guest_modules;
mod guest_peers;
mod image;
mod kernels;
mod own_data;
#[path = "../support/peers_python.rs"]
mod peers_python;
#[path = "../support/python.rs"]
mod python;
mod records;
mod sabotage;
mod self_test;
mod shell;
mod suites;
mod uml;
