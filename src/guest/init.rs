// SPDX-License-Identifier: MIT OR Apache-2.0
//! PID 1 of the guest: sets the machine up, runs each step in a process of its own, relays what it says, powers off.

use std::fs;
use std::os::fd::AsFd;
use std::panic;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};

use super::drivers;
use super::hello;
use super::outlet::Outlet;
use super::port::Port;
use super::shell;
use super::supervisor;
use crate::protocol::guest_files::PLAN;
use crate::protocol::{Message, Plan, VERSION};
use crate::system::output::tell;

/// Runs the guest and never returns, whatever happens: when PID 1 ends, the kernel panics.
pub fn main() -> ! {
    panic::set_hook(Box::new(|panic| {
        give_up(&format!("init panicked: {panic}"))
    }));
    if let Err(error) = run() {
        give_up(&format!("{error:#}"));
    }
    power_off()
}

/// What a run's init does, from the first mount to the last message.
fn run() -> Result<()> {
    set_up()?;
    drivers::load()?;
    let mut port = Port::open()?;
    match shell::asked()? {
        Some(asked) => shell::carry_out(&asked, &mut port),
        None => carry_out(&read_plan()?, &mut port),
    }
}

/// Carries out all steps of the plan, one after the other, whatever becomes of them. An error means that the guest is
/// broken.
pub fn carry_out(plan: &Plan, outlet: &mut dyn Outlet) -> Result<()> {
    outlet.send(&hello::of(&plan.run_id)?)?;
    for &step in &plan.steps {
        outlet.send(&Message::StepStarted { step })?;
        let finished = supervisor::run(step, plan, outlet)?;
        outlet.send(&finished)?;
    }
    outlet.send(&Message::Done)
}

/// Mounts what the steps and init itself need.
pub fn set_up() -> Result<()> {
    for (source, target, options) in [
        ("proc", "/proc", None),
        ("sysfs", "/sys", None),
        ("devtmpfs", "/dev", None),
        ("tmpfs", "/tmp", Some("mode=1777")),
    ] {
        fs::create_dir_all(target)?;
        mount(
            Some(source),
            target,
            Some(source),
            MsFlags::empty(),
            options,
        )
        .with_context(|| format!("cannot mount {source} on {target}"))?;
    }
    stray_text_to_the_kernel_log()
}

/// Sends whatever a step or a driver writes to the standard error to the kernel's log.
fn stray_text_to_the_kernel_log() -> Result<()> {
    let log = fs::OpenOptions::new()
        .write(true)
        .open("/dev/kmsg")
        .context("cannot open /dev/kmsg")?;
    nix::unistd::dup2_stdout(log.as_fd())?;
    nix::unistd::dup2_stderr(log.as_fd())?;
    Ok(())
}

/// Reads the plan, as it was placed into the initramfs.
pub fn read_plan() -> Result<Plan> {
    parse_plan(Path::new(PLAN))
}

fn parse_plan(path: &Path) -> Result<Plan> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let plan: Plan = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a plan", path.display()))?;
    ensure!(
        plan.protocol == VERSION,
        "the plan is of protocol {}, this guest speaks {VERSION}: build the bundle again",
        plan.protocol
    );
    Ok(plan)
}

/// Tells the host why nothing follows, as far as it can still be told, and powers off.
fn give_up(reason: &str) -> ! {
    tell(&format!("vexfs-init: {reason}"));
    if let Ok(mut port) = Port::open() {
        let reason = reason.to_owned();
        // The kernel log has the reason too if this fails.
        let _ = port.send(&Message::GuestError { reason });
    }
    power_off()
}

pub fn power_off() -> ! {
    nix::unistd::sync();
    power_off_now()
}

/// Powers off without waiting for what has not been written yet.
pub fn power_off_now() -> ! {
    match reboot(RebootMode::RB_POWER_OFF) {
        Ok(never) => match never {},
        Err(error) => {
            tell(&format!("vexfs-init: cannot power off: {error}"));
            loop {
                std::thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_another_protocol_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        let plan = r#"{"protocol":99,"run_id":"r","accelerator":"tcg","workload":
            {"name":"inherited","seed":42,"rows":1,"dim":1,"queries":1},
            "metric":"l2","k":1,"warmups":0,"runs":1,"cycles":1,"indexes":[],"steps":["identity"]}"#;
        fs::write(&path, plan).unwrap();
        let error = parse_plan(&path).unwrap_err().to_string();
        assert!(error.contains("protocol 99"), "{error}");
        fs::write(&path, plan.replace("99", &VERSION.to_string())).unwrap();
        parse_plan(&path).unwrap();
    }
}
