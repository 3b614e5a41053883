# SPDX-License-Identifier: MIT OR Apache-2.0
# The version of everything here is the crate's.
{ inherit ((fromTOML (builtins.readFile ../Cargo.toml)).package) version; }
