//! The virtual machine: QEMU, its accelerators, console and deadlines.
