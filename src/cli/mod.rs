//! The command lines of the three programs.
pub mod mount;
