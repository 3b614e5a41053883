//! The workloads: vector files in memory, on disk, and generated from a seed.
