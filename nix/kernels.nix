# SPDX-License-Identifier: MIT OR Apache-2.0
# The series of Linux that the module was built for (docs/kernel.md).
[
  "6.12"
  "6.18"
  "7.2"
]
