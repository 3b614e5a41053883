// SPDX-License-Identifier: MIT OR Apache-2.0
//! PID 1 of the image: it finds its own disk, carries out its plan, judges, writes everything down and powers off.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::build::BOOT_FILE;
use super::console::Console;
use super::contents::{Contents, IN_INITRAMFS};
use super::data::{Data, REPORT, Run};
use super::disk::Layout;
use super::fat::Fat;
use super::judge::{Observed, judge, unfinished};
use super::uki;
use crate::bundle::manifest::{FileRecord, Manifest};
use crate::bundle::{INITRAMFS, KERNEL, MODULE};
use crate::guest::outlet::Outlet;
use crate::guest::supervisor::time_limit;
use crate::guest::{drivers, init, kmod};
use crate::machine::kernel_log::scan_as_of;
use crate::machine::session::Ending;
use crate::protocol::Message;
use crate::protocol::run_files::{CONSOLE, MESSAGES, VERDICT};
use crate::report::terminal;
use crate::run::progress;
use crate::system::clock::today;
use crate::system::deadline::wait_for;
use crate::system::output::tell;
use crate::system::{hypervisor, proc};
use crate::verdict::fate::Fate;
use crate::verdict::guest_report::GuestReport;
use crate::verdict::record;

/// How long a disk may take to appear: disks can be slow.
const DISK_APPEARS_WITHIN: Duration = Duration::from_secs(60);

/// The time limit for everything except the steps, which have limits of their own.
const OVERHEAD: Duration = Duration::from_secs(300);

/// How long a person can read why nothing was done.
const LAST_WORDS: Duration = Duration::from_secs(5);

const NOT_VIRTUAL: &str = "this machine is not a virtual one, and the module is not loaded on bare metal before it has passed in a virtual machine: boot the image in one";

/// Whether this initramfs is an image's.
pub fn is_image() -> bool {
    Path::new(IN_INITRAMFS).exists()
}

/// Runs the image and never returns, whatever happens: when PID 1 ends, the kernel panics.
pub fn main() -> ! {
    static CONSOLE: OnceLock<Arc<Console>> = OnceLock::new();
    let give_up = |reason: &str| -> ! {
        tell(&format!("vexfs-init: {reason}"));
        if let Some(console) = CONSOLE.get() {
            console.say(&format!("could not run: {reason}"));
            thread::sleep(LAST_WORDS);
        }
        init::power_off()
    };
    panic::set_hook(Box::new(move |panic| {
        give_up(&format!("init panicked: {panic}"))
    }));
    if let Err(error) = init::set_up() {
        give_up(&format!("{error:#}"));
    }
    let console = Arc::clone(CONSOLE.get_or_init(|| Arc::new(Console::open())));
    if let Err(error) = run(&console) {
        give_up(&format!("{error:#}"));
    }
    console.say("powering off");
    init::power_off()
}

fn run(console: &Arc<Console>) -> Result<()> {
    let contents = read_contents()?;
    console.say(&format!(
        "VexFS {}: validation of bundle {}",
        env!("CARGO_PKG_VERSION"),
        contents.bundle_id()
    ));
    limit_time(&contents, console);
    drivers::load()?;
    let (disk, layout) = find_disk(&contents)?;
    let data = Data::open(layout.data(&disk))?;
    go(&contents, &disk, layout, &data, console)
}

fn read_contents() -> Result<Contents> {
    fs::read(IN_INITRAMFS)
        .map_err(anyhow::Error::from)
        .and_then(|text| Contents::parse(&text))
        .with_context(|| format!("cannot use {IN_INITRAMFS}"))
}

/// Powers off when the time is up, even if a disk, say, never answers again.
fn limit_time(contents: &Contents, console: &Arc<Console>) {
    let plan = &contents.plan;
    let steps: Duration = plan.steps.iter().map(|&step| time_limit(step, plan)).sum();
    let console = Arc::clone(console);
    thread::spawn(move || {
        thread::sleep(steps + DISK_APPEARS_WITHIN + OVERHEAD);
        console.say("could not run to the end: the time for all of it is over");
        // Not by way of `sync`, which waits for that disk.
        init::power_off_now()
    });
}

/// Finds the disk that has this image on it, and where on it the partitions are.
fn find_disk(contents: &Contents) -> Result<(File, Layout)> {
    let mut seen = BTreeSet::new();
    let found = wait_for("the image's own disk", DISK_APPEARS_WITHIN, || {
        for path in disks()? {
            let Ok(disk) = OpenOptions::new().read(true).write(true).open(&path) else {
                continue;
            };
            seen.insert(path.display().to_string());
            if let Some(layout) = Layout::find(&disk, Some(contents.data_partition)) {
                return Ok(Some((disk, layout)));
            }
        }
        Ok(None)
    });
    found.map_err(|_| {
        let seen: Vec<_> = seen.into_iter().collect();
        anyhow::anyhow!(
            "no disk has the partition {} (disks seen: {}): attach the image as a disk for which its kernel has a driver",
            contents.data_partition,
            if seen.is_empty() { "none".to_owned() } else { seen.join(", ") }
        )
    })
}

/// The whole disks of the machine, without their partitions.
fn disks() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block").context("cannot read /sys/block")? {
        let name = entry?.file_name();
        found.push(Path::new("/dev").join(name));
    }
    found.sort();
    Ok(found)
}

fn go(
    contents: &Contents,
    disk: &File,
    layout: Layout,
    data: &Data,
    console: &Console,
) -> Result<()> {
    // After a crash the machine starts anew by itself. What crashed is put on record, and not done again at once.
    if let Some(run) = data.newest()?
        && data.read(run, VERDICT)?.is_none()
    {
        console.say(&format!("{} did not come to its end", run.name()));
        return conclude(contents, data, run, unfinished(data, run)?, console);
    }
    let run = data.begin()?;
    console.say(&format!("writing to {} on the data partition", run.name()));
    let observed = observe(contents, disk, layout, data, run, console)?;
    conclude(contents, data, run, observed, console)
}

fn observe(
    contents: &Contents,
    disk: &File,
    layout: Layout,
    data: &Data,
    run: Run,
    console: &Console,
) -> Result<Observed> {
    console.say("comparing kernel, initramfs and module with the bundle's manifest");
    let date = today();
    let intact = verify(&contents.manifest()?, disk, layout).map_err(|error| format!("{error:#}"));
    let obstacle = match &intact {
        Err(reason) => Some(format!("the bundle is not intact: {reason}")),
        Ok(()) if !hypervisor::is_present() => Some(NOT_VIRTUAL.to_owned()),
        Ok(()) => None,
    };
    if let Some(not_started) = obstacle {
        return Ok(Observed {
            intact,
            date,
            guest: GuestReport::default(),
            kernel_log: Err(not_started.clone()),
            fate: Fate::NotStarted { not_started },
        });
    }

    let mut record = Record {
        data,
        run,
        console,
        guest: GuestReport::default(),
        next_log: 0,
    };
    let carried_out = init::carry_out(&contents.plan, &mut record);
    record.save_kernel_log()?;
    let log = data.read(run, CONSOLE)?.unwrap_or_default();
    Ok(Observed {
        intact,
        date,
        fate: Fate::Booted(match carried_out {
            Ok(()) => Ending::Completed,
            Err(error) => Ending::GuestError {
                reason: format!("{error:#}"),
            },
        }),
        kernel_log: scan_as_of(&log, date),
        guest: record.guest,
    })
}

/// Checks that what firmware loaded, and what the kernel unpacked, is what the manifest says.
fn verify(manifest: &Manifest, disk: &File, layout: Layout) -> Result<()> {
    let image = Fat::open(layout.esp(disk))
        .and_then(|files| files.read(BOOT_FILE))
        .context("cannot use the EFI system partition")?
        .with_context(|| format!("the EFI system partition has no {BOOT_FILE}"))?;
    let (kernel, initrd) = uki::kernel_and_initrd(&image).context(BOOT_FILE)?;
    let module = fs::read(kmod::PATH).with_context(|| format!("cannot read {}", kmod::PATH))?;
    for (name, content) in [(KERNEL, kernel), (INITRAMFS, initrd), (MODULE, &module)] {
        let expected = manifest
            .files
            .get(name)
            .with_context(|| format!("the manifest does not name the file `{name}`"))?;
        compare(name, content, expected)?;
    }
    Ok(())
}

/// Compares the file at the beginning of `content` with its record. Padding follows the file, or the image's own
/// archive.
fn compare(name: &str, content: &[u8], expected: &FileRecord) -> Result<()> {
    let size = usize::try_from(expected.size)?;
    let Some(content) = content.get(..size) else {
        bail!("{name} has {} bytes, expected {size}", content.len());
    };
    let found = blake3::hash(content).to_string();
    ensure!(
        found == expected.blake3,
        "{name} has BLAKE3 {found}, expected {}",
        expected.blake3
    );
    Ok(())
}

/// The record of a run: each message goes to the data partition at once, and in other words to the console.
struct Record<'a, 'disk> {
    data: &'a Data<'disk>,
    run: Run,
    console: &'a Console,
    guest: GuestReport,
    /// The kernel's next record that is not on the data partition.
    next_log: u64,
}

impl Outlet for Record<'_, '_> {
    fn send(&mut self, message: &Message) -> Result<()> {
        if let Some(line) = progress(message) {
            self.console.say(&line);
        }
        // Before a step, so that it is there whatever the step does to the machine.
        if matches!(message, Message::StepStarted { .. }) {
            self.save_kernel_log()?;
        }
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.data.append(self.run, MESSAGES, &line)?;
        self.guest.take(message.clone());
        Ok(())
    }
}

impl Record<'_, '_> {
    fn save_kernel_log(&mut self) -> Result<()> {
        let records = proc::kernel_log_from(self.next_log)?;
        let mut text = String::new();
        for record in records {
            text += &record.line();
            text.push('\n');
            self.next_log = record.sequence + 1;
        }
        self.data.append(self.run, CONSOLE, text.as_bytes())
    }
}

/// Judges the run, writes down and shows what came of it, and writes the verdict last.
fn conclude(
    contents: &Contents,
    data: &Data,
    run: Run,
    observed: Observed,
    console: &Console,
) -> Result<()> {
    let (judgement, evidence) = judge(contents, observed)?;
    let report = terminal::render(&judgement.verdict, &evidence);
    data.add(run, REPORT, report.as_bytes())?;
    for (name, text) in record::files(&evidence, &judgement)? {
        data.add(run, &name, text.as_bytes())?;
    }
    console.show(&format!("\n{report}\n"));
    Ok(())
}
