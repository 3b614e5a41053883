//! Searches an open vector file through whichever driver serves it.
