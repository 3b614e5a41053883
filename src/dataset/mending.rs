// SPDX-License-Identifier: MIT OR Apache-2.0
//! What mends a vector file that cannot be read any more, such as one to which a full disk took half a row.

use std::path::Path;

use super::{Fault, ReadError};

/// The half of a sentence that names the command, if there is one.
pub(super) fn of(file: &Path, cause: &ReadError) -> String {
    let &ReadError::Malformed { row, fault } = cause else {
        return String::new();
    };
    let name = file.to_string_lossy();
    // Nothing can be taken from what came through a pipe.
    if !file.is_file() {
        return String::new();
    }
    // Text that a shell cannot take is no command.
    let Ok(name) = shlex::try_quote(&name) else {
        return String::new();
    };
    let rows = match row {
        0 => return String::new(),
        1 => "the row".to_owned(),
        rows => format!("the {rows} rows"),
    };
    match fault {
        Fault::HalfRow { before } => {
            format!(
                "; `truncate -s {before} {name}` removes that half row, and keeps {rows} before it"
            )
        }
        Fault::DimensionChanges { before, .. } => {
            format!("; `head -c {before} {name}` prints {rows} before it, as a file that is whole")
        }
        _ => String::new(),
    }
}
