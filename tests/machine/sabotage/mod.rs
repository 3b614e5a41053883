// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a check guards is broken, and the check must say so: the real program, real boots, one fault at a time.

mod host;
mod interruption;
mod machine;
mod module;
mod run;
mod whole;
