// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists what running the module on bare metal would take, and how this machine stands to it. All of it is read;
//! nothing is changed.

use std::fs;

use nix::sys::utsname::uname;
use nix::unistd::geteuid;
use serde::Serialize;

use crate::system::hypervisor;

use super::bare_metal::Module;

/// One line of the checklist.
#[derive(Debug, Serialize)]
pub struct Item {
    pub needs: &'static str,
    pub found: String,
    /// Whether it holds; none where only a person can say.
    pub holds: Option<bool>,
}

/// The release of the kernel that runs here.
pub fn release() -> anyhow::Result<String> {
    Ok(uname()?.release().to_string_lossy().into_owned())
}

pub fn checklist(module: &Module) -> Vec<Item> {
    let mut all = vec![
        Item {
            needs: "a machine that may be lost, with nothing else on it",
            found: "only you can say".into(),
            holds: None,
        },
        Item {
            needs: "backups of all that it can reach: disks, network mounts",
            found: "only you can say".into(),
            holds: None,
        },
        root(),
    ];
    all.push(booted(&module.release));
    all.extend([
        secure_boot(),
        lockdown(),
        unsigned_modules(),
        loadable(),
        not_loaded(),
        taint(),
        bare(),
        console(),
        crash_kernel(),
    ]);
    all
}

/// What to type then, as root.
pub fn commands(module: &Module) -> Vec<String> {
    let file = module.file.display();
    vec![
        "dmesg --follow    # in another terminal, or on the serial console".into(),
        format!("insmod {file}"),
        "mount -t vexfs STORE MOUNT_POINT    # STORE: a copy of a store".into(),
        "vexfs info MOUNT_POINT/FILE.fvecs".into(),
        "umount MOUNT_POINT".into(),
        "rmmod vexfs".into(),
    ]
}

fn root() -> Item {
    let user = geteuid();
    Item {
        needs: "root",
        found: format!("user id {user}"),
        holds: Some(user.is_root()),
    }
}

fn booted(release: &str) -> Item {
    let running = self::release().unwrap_or_else(|error| error.to_string());
    Item {
        needs: "the kernel that the module was tested with, booted",
        found: format!("{running} runs, {release} was tested"),
        holds: Some(running == release),
    }
}

fn secure_boot() -> Item {
    // The last byte of the variable is its value; attributes stand before it.
    let variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    let value = fs::read(variable)
        .ok()
        .and_then(|bytes| bytes.last().copied());
    Item {
        needs: "Secure Boot off, or the module signed with an enrolled key",
        found: match value {
            Some(0) => "off".into(),
            Some(_) => "on".into(),
            None => "no such EFI variable".into(),
        },
        holds: Some(value.is_none_or(|value| value == 0)),
    }
}

fn lockdown() -> Item {
    let state = read("/sys/kernel/security/lockdown");
    Item {
        needs: "no lockdown of the kernel, which refuses unsigned modules",
        holds: Some(state.as_ref().is_none_or(|state| state.contains("[none]"))),
        found: state.unwrap_or_else(|| "this kernel has none".into()),
    }
}

fn unsigned_modules() -> Item {
    let enforced = read("/sys/module/module/parameters/sig_enforce");
    Item {
        needs: "a kernel that takes unsigned modules",
        holds: enforced.as_ref().map(|enforced| enforced == "N"),
        found: format!("sig_enforce {}", enforced.as_deref().unwrap_or("unknown")),
    }
}

fn loadable() -> Item {
    let disabled = read("/proc/sys/kernel/modules_disabled");
    Item {
        needs: "loading modules not switched off",
        holds: disabled.as_ref().map(|disabled| disabled == "0"),
        found: format!(
            "modules_disabled {}",
            disabled.as_deref().unwrap_or("unknown")
        ),
    }
}

fn not_loaded() -> Item {
    let modules = read("/proc/modules");
    let loaded = modules
        .as_ref()
        .map(|modules| modules.lines().any(|line| line.starts_with("vexfs ")));
    Item {
        needs: "no other vexfs loaded",
        found: match loaded {
            Some(true) => "vexfs is loaded: rmmod vexfs".into(),
            Some(false) => "not loaded".into(),
            None => "/proc/modules cannot be read".into(),
        },
        holds: loaded.map(|loaded| !loaded),
    }
}

fn taint() -> Item {
    let taint = read("/proc/sys/kernel/tainted");
    Item {
        needs: "a kernel without taint, so that whatever comes is the module's doing",
        holds: taint.as_ref().map(|taint| taint == "0"),
        found: format!("tainted {}", taint.as_deref().unwrap_or("unknown")),
    }
}

fn bare() -> Item {
    Item {
        needs: "bare metal: in a virtual machine `vexfs-validate run` shows more",
        found: match hypervisor::vendor() {
            Some(vendor) => format!("hypervisor {vendor}"),
            None => "no hypervisor".into(),
        },
        holds: Some(!hypervisor::is_present()),
    }
}

fn console() -> Item {
    let consoles = read("/proc/consoles").unwrap_or_default();
    let names: Vec<&str> = consoles
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let lasting = |name: &&str| name.starts_with("ttyS") || name.starts_with("netcon");
    Item {
        needs: "a serial console or netconsole, which keeps the last words of a crash",
        holds: Some(names.iter().any(lasting)),
        found: match names.as_slice() {
            [] => "no console".into(),
            names => names.join(", "),
        },
    }
}

fn crash_kernel() -> Item {
    let loaded = read("/sys/kernel/kexec_crash_loaded");
    Item {
        needs: "kdump: a crash kernel, loaded",
        holds: loaded.as_ref().map(|loaded| loaded == "1"),
        found: format!(
            "kexec_crash_loaded {}",
            loaded.as_deref().unwrap_or("unknown")
        ),
    }
}

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}
