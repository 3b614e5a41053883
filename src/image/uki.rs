// SPDX-License-Identifier: MIT OR Apache-2.0
//! A unified kernel image: systemd's EFI stub with kernel, initramfs and command line as sections of one PE file
//! (the UAPI group's specification).

use anyhow::{Context, Result, ensure};
use object::endian::LittleEndian as LE;
use object::pe::{
    IMAGE_DIRECTORY_ENTRY_SECURITY, IMAGE_FILE_MACHINE_AMD64, IMAGE_SCN_CNT_INITIALIZED_DATA,
    IMAGE_SCN_MEM_READ, IMAGE_SUBSYSTEM_EFI_APPLICATION, ImageNtHeaders64, ImageSectionHeader,
};
use object::pod::{bytes_of, from_bytes_mut};
use object::read::pe::PeFile64;
use object::{Object, ObjectSection, U16, U32};

/// The alignment of sections: they begin at pages, whatever smaller alignment the stub has, since newer stubs run the
/// kernel where it lies.
const PAGE: u32 = 4096;

/// What is added to the stub.
pub struct Parts<'a> {
    pub os_release: &'a [u8],
    pub kernel_release: &'a [u8],
    pub command_line: &'a [u8],
    pub kernel: &'a [u8],
    pub initrd: &'a [u8],
}

const KERNEL: &str = ".linux";
const INITRD: &str = ".initrd";

/// Puts stub and parts together, but refuses a kernel that firmware could not start.
pub fn assemble(stub: &[u8], parts: &Parts) -> Result<Vec<u8>> {
    let kernel_memory = efi_application(parts.kernel).context(
        "the bundle's kernel is no EFI program, so no firmware starts it: it needs CONFIG_EFI_STUB=y",
    )?;
    efi_application(stub).context("the stub is no EFI program for x86_64")?;
    let mut image = stub.to_vec();
    for (name, content, memory) in [
        (".osrel", parts.os_release, 0),
        (".uname", parts.kernel_release, 0),
        (".cmdline", parts.command_line, 0),
        (KERNEL, parts.kernel, kernel_memory),
        (INITRD, parts.initrd, 0),
    ] {
        add(&mut image, name, content, memory)
            .with_context(|| format!("cannot add section {name} to the stub"))?;
    }
    Ok(image)
}

/// Kernel and initramfs of an image that [`assemble`] made.
pub fn kernel_and_initrd(image: &[u8]) -> Result<(&[u8], &[u8])> {
    let file = PeFile64::parse(image).context("it is no EFI program")?;
    let section = |name: &str| {
        let section = file
            .section_by_name(name)
            .with_context(|| format!("it has no section {name}"))?;
        section
            .data()
            .with_context(|| format!("its section {name} cannot be read"))
    };
    Ok((section(KERNEL)?, section(INITRD)?))
}

/// How much memory an EFI program takes when it is loaded.
fn efi_application(program: &[u8]) -> Result<u32> {
    let file = PeFile64::parse(program)?;
    let headers = file.nt_headers();
    ensure!(
        headers.file_header.machine.get(LE) == IMAGE_FILE_MACHINE_AMD64
            && headers.optional_header.subsystem.get(LE) == IMAGE_SUBSYSTEM_EFI_APPLICATION,
        "it is a PE file of another kind"
    );
    Ok(headers.optional_header.size_of_image.get(LE))
}

/// Adds a section at the end, in the file and in memory, where it takes at least `memory` bytes.
fn add(image: &mut Vec<u8>, name: &str, content: &[u8], memory: u32) -> Result<()> {
    let content_size = u32::try_from(content.len()).context("it is too large")?;
    let headers_at = {
        let file = PeFile64::parse(&**image)?;
        let signed = file.data_directory(IMAGE_DIRECTORY_ENTRY_SECURITY);
        ensure!(
            signed.is_none(),
            "the stub is signed, and a signature covers no added section: take the one without"
        );
        usize::try_from(file.dos_header().nt_headers_offset())?
    };
    let image_size = u32::try_from(image.len())?;
    let (headers, sections) = from_bytes_mut::<ImageNtHeaders64>(&mut image[headers_at..])
        .ok()
        .context("its headers are cut off")?;
    let optional = &mut headers.optional_header;
    let count = headers.file_header.number_of_sections.get(LE);

    let file_alignment = optional.file_alignment.get(LE);
    let alignment = optional.section_alignment.get(LE).max(PAGE);
    ensure!(
        file_alignment.is_power_of_two() && alignment.is_power_of_two(),
        "its alignments are no powers of two"
    );
    let offset = aligned(image_size, file_alignment)?;
    let size = aligned(content_size, file_alignment)?;
    let address = aligned(optional.size_of_image.get(LE), alignment)?;
    let virtual_size = content_size.max(memory);
    let end = address
        .checked_add(virtual_size)
        .context("the image becomes too large")?;

    // The section table's end, from the image's beginning.
    let table = usize::from(headers.file_header.size_of_optional_header.get(LE))
        + headers_at
        + size_of_val(&headers.signature)
        + size_of_val(&headers.file_header);
    let entry = table + usize::from(count) * size_of::<ImageSectionHeader>();
    let entry_end = entry + size_of::<ImageSectionHeader>();
    ensure!(
        entry_end <= optional.size_of_headers.get(LE) as usize,
        "its headers have no room for one more section"
    );
    let before = headers_at + size_of::<ImageNtHeaders64>();
    let free = sections
        .get(entry - before..entry_end - before)
        .context("its headers are cut off")?;
    ensure!(
        free.iter().all(|&byte| byte == 0),
        "what follows its section table is not free"
    );

    headers.file_header.number_of_sections.set(LE, count + 1);
    optional
        .size_of_image
        .set(LE, aligned(end, optional.section_alignment.get(LE))?);
    let data = optional.size_of_initialized_data.get(LE);
    optional
        .size_of_initialized_data
        .set(LE, data.saturating_add(size));
    // Nobody checks it in an EFI program, and a wrong one is worse than none.
    optional.check_sum.set(LE, 0);

    let mut section = ImageSectionHeader {
        name: [0; 8],
        virtual_size: U32::new(LE, virtual_size),
        virtual_address: U32::new(LE, address),
        size_of_raw_data: U32::new(LE, size),
        pointer_to_raw_data: U32::new(LE, offset),
        pointer_to_relocations: U32::new(LE, 0),
        pointer_to_linenumbers: U32::new(LE, 0),
        number_of_relocations: U16::new(LE, 0),
        number_of_linenumbers: U16::new(LE, 0),
        characteristics: U32::new(LE, IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ),
    };
    section.name[..name.len()].copy_from_slice(name.as_bytes());
    image[entry..entry_end].copy_from_slice(bytes_of(&section));
    image.resize(offset as usize, 0);
    image.extend_from_slice(content);
    image.resize((offset + size) as usize, 0);
    Ok(())
}

fn aligned(value: u32, alignment: u32) -> Result<u32> {
    value
        .checked_next_multiple_of(alignment)
        .context("the image becomes too large")
}
