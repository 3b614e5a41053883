// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs as records: one real run, written down, read back, judged again, and tampered with.

mod kept;
mod record;
