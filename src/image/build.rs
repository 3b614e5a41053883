// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes an image from a bundle and systemd's EFI stub.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use hadris_fat::format::FatTypeSelection;

use super::contents::{Contents, FORMAT, IN_INITRAMFS};
use super::data::{self, Data};
use super::disk::{Identity, Layout, Slice};
use super::fat::Fat;
use super::uki;
use crate::bundle::Bundle;
use crate::bundle::guest_modules::Role;
use crate::criteria::Criteria;
use crate::criteria::samples::Samples;
use crate::criteria::subject;
use crate::machine::{self, in_archive};
use crate::protocol::Step;

/// The path where firmware looks on a disk that it knows nothing about.
pub const BOOT_FILE: &str = "EFI/BOOT/BOOTX64.EFI";

/// The kernel's command line. The kernel speaks on the serial line and the screen. An oops ends the run in a panic, a
/// panic in a restart, and what then boots puts the failed run on record. The ring buffer holds the whole log.
const COMMAND_LINE: &str =
    "console=tty0 console=ttyS0,115200 oops=panic panic=5 softlockup_panic=1 log_buf_len=4M";

/// The space of the EFI system partition beside its one file; FAT32 asks for some size.
const ESP_SPACE: u64 = 40 << 20;

/// Makes `out` an image that boots `bundle` by way of `stub`. Its bytes depend on these and the criteria alone.
pub fn build(bundle: &Bundle, stub: &Path, criteria: &Criteria, out: &Path) -> Result<()> {
    ensure!(
        bundle.manifest().guest.roles.contains(&Role::Disks),
        "the guest in {} has no drivers for disks: make the bundle with `--role disks`",
        bundle.dir().display()
    );
    let stub_bytes = read(stub)?;
    let seed = [
        bundle.id(),
        &criteria.blake3,
        blake3::hash(&stub_bytes).to_hex().as_str(),
    ]
    .join(" ");
    let identity = Identity::derive(&seed);
    let contents = contents(bundle, criteria, identity)?;
    let kernel_image = uki::assemble(
        &stub_bytes,
        &uki::Parts {
            os_release: os_release().as_bytes(),
            kernel_release: bundle.manifest().kernel.release.as_bytes(),
            command_line: COMMAND_LINE.as_bytes(),
            kernel: &read(&bundle.kernel())?,
            initrd: &initrd(bundle, &contents)?,
        },
    )
    .with_context(|| {
        format!(
            "cannot make a unified kernel image of {} and {}",
            stub.display(),
            bundle.dir().display()
        )
    })?;

    // Whole, or not there at all.
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(dir)
        .with_context(|| format!("cannot create a file in {}", dir.display()))?;
    write_disk(file.as_file(), identity, &kernel_image, &contents)
        .with_context(|| format!("cannot write {}", out.display()))?;
    file.persist(out)
        .with_context(|| format!("cannot write {}", out.display()))?;
    Ok(())
}

fn contents(bundle: &Bundle, criteria: &Criteria, identity: Identity) -> Result<Contents> {
    let mut steps = subject::steps(criteria).unwrap_or_default();
    // Nobody attaches a disk with the peers.
    steps.retain(|step| !matches!(step, Step::Suites | Step::Peers));
    Ok(Contents {
        format: FORMAT,
        data_partition: identity.data,
        plan: criteria.plan(None, Samples::by(None), criteria.workload()?, steps),
        criteria: criteria.text.clone(),
        manifest: bundle.manifest_text().to_owned(),
    })
}

/// The bundle's initramfs and, behind it, an archive with what this image is: the kernel unpacks both.
fn initrd(bundle: &Bundle, contents: &Contents) -> Result<Vec<u8>> {
    let mut archive = machine::input(&contents.plan, None);
    archive.file(in_archive(IN_INITRAMFS), serde_json::to_vec(contents)?);
    let mut initrd = read(&bundle.initramfs())?;
    archive.write(&mut initrd)?;
    Ok(initrd)
}

fn write_disk(
    file: &File,
    identity: Identity,
    kernel_image: &[u8],
    contents: &Contents,
) -> Result<()> {
    let layout = Layout::new(kernel_image.len() as u64 + ESP_SPACE, data::MIB << 20);
    layout.write(file, identity)?;
    write_esp(|| layout.esp(file), identity.esp_serial, kernel_image)?;
    Data::create(|| layout.data(file), contents, identity.data_serial)
}

fn write_esp<'a>(slice: impl Fn() -> Slice<'a>, serial: u32, kernel_image: &[u8]) -> Result<()> {
    let files = Fat::create(slice, serial, FatTypeSelection::Fat32)?;
    files.make_dir("EFI")?;
    files.make_dir("EFI/BOOT")?;
    files.write(BOOT_FILE, kernel_image)
}

fn os_release() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "ID=vexfs\nNAME=\"VexFS validation\"\nVERSION_ID={version}\nPRETTY_NAME=\"VexFS validation {version}\"\n"
    )
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
