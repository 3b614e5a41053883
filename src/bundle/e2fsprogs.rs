// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of e2fsprogs, which make filesystems that are equal from one time to the next.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The time of all that is in such a filesystem.
pub const TIME: u32 = 1;

/// A command of e2fsprogs. It is found even where users have no /sbin on their path.
pub fn command(name: &str) -> Command {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    let mut command = Command::new(name);
    command
        .env("PATH", path)
        .env("E2FSPROGS_FAKE_TIME", TIME.to_string())
        .env("SOURCE_DATE_EPOCH", TIME.to_string());
    command
}

pub fn run(command: &mut Command, input: Option<&str>) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {name} (Debian: e2fsprogs)"))?;
    let mut asked = process.stdin.take().context("it has no input")?;
    let said = std::thread::scope(|scope| {
        scope.spawn(move || {
            // One that ends early is judged by how it ends.
            let _ = asked.write_all(input.unwrap_or_default().as_bytes());
        });
        process.wait_with_output()
    })
    .with_context(|| format!("cannot wait for {name}"))?;
    ensure!(
        said.status.success(),
        "{name} failed: {}",
        String::from_utf8_lossy(&said.stderr).trim()
    );
    Ok(())
}
