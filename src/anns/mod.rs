//! Search: canonical distances and the indexes built on them (`docs/arithmetic.md`).
