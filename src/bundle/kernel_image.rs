// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kernel image says of itself (`Documentation/arch/x86/boot.rst`).

use anyhow::{Context, Result, ensure};

/// Offsets in the setup header: its magic, the pointer to the version string, and where that pointer counts from.
const MAGIC: (usize, &[u8]) = (0x202, b"HdrS");
const VERSION_POINTER: usize = 0x20e;
const VERSION_BASE: usize = 0x200;

/// The longest release that the kernel has room for.
const LONGEST: usize = 64;

/// Reads the kernel release, such as `6.12.95`, from a bzImage.
pub fn release(image: &[u8]) -> Result<&str> {
    let (at, magic) = MAGIC;
    ensure!(
        image.get(at..at + magic.len()) == Some(magic),
        "it is no bzImage"
    );
    let nameless = "its header does not say which release it is";
    let pointer = image
        .get(VERSION_POINTER..VERSION_POINTER + 2)
        .context(nameless)?;
    let at = VERSION_BASE + usize::from(u16::from_le_bytes([pointer[0], pointer[1]]));
    let text = image.get(at..).context(nameless)?;
    let length = text
        .iter()
        .take(LONGEST + 1)
        .position(|&byte| byte == b' ' || byte == 0)
        .context(nameless)?;
    let release = std::str::from_utf8(&text[..length]).context(nameless)?;
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

    #[test]
    fn the_release_of_a_header() {
        assert_eq!(
            release(&fixtures::kernel_image("6.12.95-test")).unwrap(),
            "6.12.95-test"
        );
    }

    #[test]
    fn what_is_cut_or_is_no_image_is_refused() {
        let image = fixtures::kernel_image("6.12");
        for length in 0..image.len() {
            // Whatever is there is never taken for more than it is.
            if let Ok(found) = release(&image[..length]) {
                assert_eq!(found, "6.12");
            }
        }
        assert_eq!(
            release(b"no image").unwrap_err().to_string(),
            "it is no bzImage"
        );
        let nameless = fixtures::kernel_image("");
        assert!(release(&nameless).is_err());
    }
}
