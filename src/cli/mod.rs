//! The command lines of the three programs.
