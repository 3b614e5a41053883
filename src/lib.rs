//! VexFS: a filesystem in which vector files can be searched, and the toolkit that validates its kernel module.
//!
//! The modules depend on each other in one direction only:
//! `dataset → anns → store → {fuse, client} → bench → comparison → guest → figures → machine → validate → report → image → records → cli`.

pub mod anns;
pub mod bench;
pub mod bundle;
pub mod cli;
pub mod client;
pub mod comparison;
pub mod dataset;
pub mod figures;
pub mod fuse;
pub mod guest;
pub mod image;
pub mod machine;
pub mod records;
pub mod report;
pub mod store;
pub mod validate;
