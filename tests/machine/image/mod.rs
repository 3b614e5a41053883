// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootable image: its bytes, and real boots by UEFI firmware, after which the verdict is read back from it.

mod boots;
mod bytes;
mod disk;
