// SPDX-License-Identifier: MIT OR Apache-2.0
//! A case of a step in a process of its own: it may change what it is, and may hang.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::guest::STEP_PROGRAM;
use crate::protocol::Step;
use crate::system::deadline::wait_for;

const DIES_WITHIN: Duration = Duration::from_secs(10);

/// What a case observed, which another process of this program carries out. The host is told that it goes on.
pub fn in_a_process(
    step: Step,
    name: &str,
    limit: Duration,
    tell: &dyn Fn() -> Result<()>,
) -> Result<String> {
    tell()?;
    let mut child = Command::new("/proc/self/exe")
        .arg0(STEP_PROGRAM)
        .args([step.name(), name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a process for it")?;
    let mut output = child.stdout.take().context("it has no output")?;
    let ended = wait_for("the case", limit, || {
        tell()?;
        Ok(child.try_wait()?)
    });
    let Ok(status) = ended else {
        child.kill()?;
        let killed = wait_for("its end", DIES_WITHIN, || Ok(child.try_wait()?));
        match killed {
            Ok(_) => bail!("nothing after {} s", limit.as_secs()),
            Err(_) => bail!("it hangs in the kernel and cannot be killed"),
        }
    };
    let mut observed = String::new();
    output.read_to_string(&mut observed)?;
    if !status.success() {
        bail!("its process ended with {status} {observed}");
    }
    Ok(observed)
}
