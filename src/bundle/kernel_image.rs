// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kernel image says of itself (for a bzImage see `Documentation/arch/x86/boot.rst`).

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection};

use super::machine_kind::MachineKind;

/// Offsets in the setup header: its magic, the pointer to the version string, and where that pointer counts from.
const MAGIC: (usize, &[u8]) = (0x202, b"HdrS");
const VERSION_POINTER: usize = 0x20e;
const VERSION_BASE: usize = 0x200;

/// The longest release that the kernel has room for.
const LONGEST: usize = 64;

/// Sections that the kernel has as a program alone: its options, and their help.
const UML_SECTION: &str = ".uml.help.init";
/// What the kernel's banner begins with. It holds formats for the banner as well, which have no figure here.
const BANNER: &[u8] = b"Linux version ";

/// Reads the kernel release, such as `6.12.95`, from what this machine boots. Refuses what another machine boots.
pub fn release(image: &[u8], machine: MachineKind) -> Result<&str> {
    match machine {
        MachineKind::Qemu => {
            let program = is_program(image);
            ensure!(
                !program,
                "it is User-Mode Linux, a program: it is for a bundle of the machine {}",
                MachineKind::Uml
            );
            of_bzimage(image)
        }
        MachineKind::Uml | MachineKind::UmlDebug => {
            ensure!(
                !is_bzimage(image),
                "it is a bzImage, and no program: it is for a bundle of the machine {}",
                MachineKind::Qemu
            );
            ensure!(is_program(image), "it is not User-Mode Linux");
            of_program(image)
        }
    }
}

fn is_bzimage(image: &[u8]) -> bool {
    let (at, magic) = MAGIC;
    image.get(at..at + magic.len()) == Some(magic)
}

fn is_program(image: &[u8]) -> bool {
    object::File::parse(image).is_ok_and(|elf| elf.section_by_name(UML_SECTION).is_some())
}

fn of_program(image: &[u8]) -> Result<&str> {
    let nameless = "it has no banner that says which release it is";
    let elf = object::File::parse(image).context(nameless)?;
    let rodata = elf.section_by_name(".rodata").context(nameless)?;
    let data = rodata.data().context(nameless)?;
    let release = data
        .windows(BANNER.len() + 1)
        .position(|window| window.starts_with(BANNER) && window[BANNER.len()].is_ascii_digit())
        .and_then(|at| first_word(&data[at + BANNER.len()..]));
    release.context(nameless)
}

/// The text up to the first space or zero.
fn first_word(text: &[u8]) -> Option<&str> {
    let length = text
        .iter()
        .take(LONGEST + 1)
        .position(|&byte| byte == b' ' || byte == 0)?;
    std::str::from_utf8(&text[..length]).ok()
}

fn of_bzimage(image: &[u8]) -> Result<&str> {
    ensure!(is_bzimage(image), "it is no bzImage");
    let nameless = "its header does not say which release it is";
    let pointer = image
        .get(VERSION_POINTER..VERSION_POINTER + 2)
        .context(nameless)?;
    let at = VERSION_BASE + usize::from(u16::from_le_bytes([pointer[0], pointer[1]]));
    let text = image.get(at..).context(nameless)?;
    let release = first_word(text).context(nameless)?;
    ensure!(
        at > VERSION_BASE && release.starts_with(|first: char| first.is_ascii_digit()),
        nameless
    );
    Ok(release)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::fixtures;
    use MachineKind::{Qemu, Uml};

    #[test]
    fn the_release_of_what_each_machine_boots() {
        let bzimage = fixtures::kernel_image("6.12.95-test");
        assert_eq!(release(&bzimage, Qemu).unwrap(), "6.12.95-test");
        let program = fixtures::uml("6.12.95-test");
        assert_eq!(release(&program, Uml).unwrap(), "6.12.95-test");
    }

    #[test]
    fn what_another_machine_boots_is_refused_by_its_name() {
        let said = |image: &[u8], machine| release(image, machine).unwrap_err().to_string();
        assert_eq!(
            said(&fixtures::kernel_image("6.12"), Uml),
            "it is a bzImage, and no program: it is for a bundle of the machine qemu"
        );
        assert_eq!(
            said(&fixtures::uml("6.12"), Qemu),
            "it is User-Mode Linux, a program: it is for a bundle of the machine uml"
        );
        assert_eq!(said(b"no image", Uml), "it is not User-Mode Linux");
        let other_program = fixtures::module(&[("vermagic", "Linux version 6.12 ")]);
        assert_eq!(said(&other_program, Uml), "it is not User-Mode Linux");
        assert!(said(&fixtures::uml("%s"), Uml).contains("no banner"));
    }

    #[test]
    fn what_is_cut_or_is_no_image_is_refused() {
        let image = fixtures::kernel_image("6.12");
        for length in 0..image.len() {
            // Whatever is there is never taken for more than it is.
            if let Ok(found) = release(&image[..length], Qemu) {
                assert_eq!(found, "6.12");
            }
        }
        assert_eq!(
            release(b"no image", Qemu).unwrap_err().to_string(),
            "it is no bzImage"
        );
        let nameless = fixtures::kernel_image("");
        assert!(release(&nameless, Qemu).is_err());
    }
}
