// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures what calls cost that do nothing: how dear it is to enter the kernel, or a driver, on this machine.

use std::fs::{self, File};
use std::hint::black_box;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::unistd::getppid;

use crate::client::ioctl;
use crate::protocol::results::{Call, Calls};

/// Calls of a run. A run gives their mean, since one call can be shorter than the clock's own.
const CALLS: u32 = 200;

/// A call, and the directory in which its file is to be made, if it needs one.
pub type Asked<'a> = (Call, Option<&'a Path>);

/// The file of a call, and the mean of each run so far.
type Measured = (Option<File>, Vec<f64>);

/// Measures each call in `runs` runs, which take turns.
pub fn measure(asked: &[Asked], runs: u32) -> Calls {
    let mut costs: Vec<(Call, Result<Measured>)> = asked
        .iter()
        .map(|(call, dir)| {
            (
                *call,
                dir.map(new_file).transpose().map(|file| (file, Vec::new())),
            )
        })
        .collect();
    // The first run warms up.
    for run in 0..=runs {
        for (call, cost) in &mut costs {
            if let Ok((file, means)) = cost {
                match mean(*call, file.as_ref()) {
                    Ok(_) if run == 0 => {}
                    Ok(mean) => means.push(mean),
                    Err(error) => *cost = Err(error),
                }
            }
        }
    }
    Calls {
        costs: costs
            .into_iter()
            .map(|(call, cost)| (call, cost.map(|(_, means)| means).into()))
            .collect(),
    }
}

fn new_file(dir: &Path) -> Result<File> {
    let path = dir.join("calls.fvecs");
    fs::write(&path, b"")
        .and_then(|()| File::open(&path))
        .with_context(|| format!("cannot make {}", path.display()))
}

/// The mean nanoseconds of a call.
fn mean(call: Call, file: Option<&File>) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..CALLS {
        match (call, file) {
            (Call::Clock, _) => {
                black_box(Instant::now());
            }
            (Call::Null, _) => {
                black_box(getppid());
            }
            (Call::Ioctl | Call::IoctlKernel | Call::IoctlFuse, Some(file)) => {
                match ioctl::unknown(file.as_fd()) {
                    Err(Errno::ENOTTY) => {}
                    other => bail!("an unknown ioctl gave {other:?}, not ENOTTY"),
                }
            }
            (Call::Ioctl | Call::IoctlKernel | Call::IoctlFuse, None) => {
                bail!("there is no file for {}", call.words())
            }
        }
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(CALLS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_cost_something_and_a_call_without_its_file_fails() {
        let dir = tempfile::tempdir().unwrap();
        let asked = [
            (Call::Clock, None),
            (Call::Null, None),
            (Call::Ioctl, Some(dir.path())),
            (Call::IoctlFuse, None),
        ];
        let calls = measure(&asked, 3);
        for call in [Call::Clock, Call::Null, Call::Ioctl] {
            let means = calls.costs[&call].as_result().unwrap();
            assert!(
                means.len() == 3 && means.iter().all(|&ns| ns > 0.0),
                "{means:?}"
            );
        }
        let failure = calls.costs[&Call::IoctlFuse].as_result().unwrap_err();
        assert!(failure.reason.contains("no file"), "{failure}");
    }
}
