// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Nix has not built yet. A path may begin with a derivation, such as `/nix/store/HASH-NAME.drv/bin/python3`: it
//! is built when it is needed, so that whoever asks for help waits for no kernel.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The program that builds a derivation. Whoever runs a command of the flake has it.
const PROGRAM: &str = "nix-store";

/// The derivation that a path begins with, if it does.
pub fn of(path: &Path) -> Option<&Path> {
    let is_derivation =
        |part: &&Path| part.extension() == Some(OsStr::new("drv")) && part.is_file();
    path.ancestors().find(is_derivation)
}

/// The path itself, or the one that it becomes once its derivation is built.
pub fn realised(path: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    let Some(derivation) = of(path) else {
        return Ok(path.to_owned());
    };
    let shown = derivation.display();
    tell(&format!("Nix: {shown} is built, unless it is there"));
    // What Nix says is for whoever waits.
    let output = Command::new(PROGRAM)
        .arg("--realise")
        .arg(derivation)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "there is no {PROGRAM} in PATH to build {shown}: install Nix, or name what is built already"
            )
        }
        output => output.with_context(|| format!("cannot run {PROGRAM}"))?,
    };
    ensure!(
        output.status.success(),
        "{PROGRAM} could not build {shown} ({})",
        output.status
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let outputs: Vec<&str> = said.lines().collect();
    let &[built] = outputs.as_slice() else {
        bail!(
            "{shown} has {} outputs, and one was expected",
            outputs.len()
        )
    };
    let below = path.strip_prefix(derivation).unwrap_or(Path::new(""));
    Ok(match below == Path::new("") {
        true => built.into(),
        false => Path::new(built).join(below),
    })
}
