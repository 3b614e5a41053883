// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine that is measured on, and the one core of it that is used.

use std::fs;
use std::thread;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::utsname::uname;
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::Host;
use crate::system::cpu;

/// Does `work` in a thread of its own that runs on one core, as do all processes that it starts. The core is the last
/// one that this process may use; `work` is told which it is.
pub fn on_one_core<T: Send>(work: impl FnOnce(usize) -> T + Send) -> Result<T> {
    let pinned = || -> Result<T> {
        let this = Pid::from_raw(0);
        let allowed = sched_getaffinity(this).context("the cores of this process are not known")?;
        let core = (0..CpuSet::count())
            .rev()
            .find(|core| allowed.is_set(*core).unwrap_or(false))
            .context("this process may use no core")?;
        let mut only = CpuSet::new();
        only.set(core)?;
        sched_setaffinity(this, &only)
            .with_context(|| format!("cannot run on core {core} alone"))?;
        Ok(work(core))
    };
    thread::scope(|scope| scope.spawn(pinned).join()).expect("the thread on one core panicked")
}

impl Host {
    pub fn describe(core: usize) -> Result<Host> {
        let cpus =
            sysconf(SysconfVar::_NPROCESSORS_ONLN)?.context("the processors are not counted")?;
        Ok(Host {
            cpu_model: cpu::model()?,
            cpus: usize::try_from(cpus)?,
            core,
            kernel_release: uname()?.release().to_string_lossy().into_owned(),
            load_average: load_average(&read("/proc/loadavg")?)
                .context("/proc/loadavg does not begin with three figures")?,
        })
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

fn load_average(text: &str) -> Option<[f64; 3]> {
    let mut figures = text.split(' ').map(|figure| figure.parse().ok());
    Some([figures.next()??, figures.next()??, figures.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_what_it_starts_run_on_one_core() {
        let before = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let allowed = on_one_core(|core| {
            let status = std::process::Command::new("grep")
                .args(["Cpus_allowed_list", "/proc/self/status"])
                .output()
                .unwrap();
            (core, String::from_utf8(status.stdout).unwrap())
        });
        let (core, list) = allowed.unwrap();
        assert_eq!(list, format!("Cpus_allowed_list:\t{core}\n"));
        assert_eq!(sched_getaffinity(Pid::from_raw(0)).unwrap(), before);
    }

    #[test]
    fn what_the_kernel_tells_is_understood() {
        assert_eq!(
            load_average("0.50 1.25 2.00 1/99 7\n"),
            Some([0.5, 1.25, 2.0])
        );
        assert_eq!(load_average("0.50 1.25"), None);
    }
}
