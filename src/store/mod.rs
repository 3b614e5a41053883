//! Vector files as both drivers serve them: snapshots and the search ABI (`docs/abi.md`).
