// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searching and what it rests on, in this process: vectors, indexes, files, the ABI, and the kernel's code in user
//! space. The suite needs a C compiler and a Python with NumPy, but neither root nor a machine.

mod abi;
mod distance;
mod flat;
mod fvecs;
mod hard_data;
mod hnsw;
mod index_kinds;
mod kernel_search;
#[path = "../support/python.rs"]
mod python;
mod search_page;
mod serve;
mod sidecar;
mod snapshots_that_share;
#[path = "../support/unstamped.rs"]
mod unstamped;
mod vector_file;
mod workloads;
