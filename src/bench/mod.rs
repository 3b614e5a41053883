//! One workload, measured in one place: in process, through FUSE or through the module.
