//! VexFS: a filesystem in which vector files can be searched, and the toolkit that validates its kernel module.
//!
//! The modules depend on each other in one direction only:
//! `dataset → anns → store → {fuse, client} → bench → comparison → guest → machine → validate → image → cli`.

pub mod anns;
pub mod bench;
pub mod bundle;
pub mod cli;
pub mod client;
pub mod comparison;
pub mod dataset;
pub mod fuse;
pub mod guest;
pub mod image;
pub mod machine;
pub mod posix;
pub mod store;
pub mod validate;
