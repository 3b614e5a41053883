//! The FUSE driver: a store, unchanged, with the search ABI added.
