// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs without a machine: command lines, files of the user's own, kernel logs, figures, reports and peers.
//! The suite needs root, /dev/fuse, the peers of `make target/peers/installed`, and a browser for one test.

mod ci_templates;
mod cli;
#[path = "../support/criteria.rs"]
mod criteria;
mod dev_shell;
mod import;
mod index_update;
mod kernel_logs;
mod lacking_host;
mod like_for_like;
mod many_queries;
mod mutants;
mod nix_derivations;
mod own_data;
mod package;
mod peers;
#[path = "../support/peers_python.rs"]
mod peers_python;
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/python.rs"]
mod python;
mod report;
mod unheard;
#[path = "../support/unheard.rs"]
mod unheard_outputs;
