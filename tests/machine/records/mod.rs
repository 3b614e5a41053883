// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs as records: one real run, read back, judged again, packed, reproduced, compared, and tampered with.

mod bare_metal;
mod compared;
mod forged;
mod kept;
mod packed;
mod record;
mod reproduced;
