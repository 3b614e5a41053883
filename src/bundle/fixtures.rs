// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest files that pass for kernel images and modules, for tests.

/// A bzImage of which only the header is there.
pub fn kernel_image(release: &str) -> Vec<u8> {
    let mut image = vec![0; 0x240];
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x20e..0x210].copy_from_slice(&0x40_u16.to_le_bytes());
    image.extend_from_slice(format!("{release} (test) #1 SMP\0").as_bytes());
    image
}

/// A program of which only the banner, and the section that tells it from others, are there.
pub fn uml(release: &str) -> Vec<u8> {
    let banner = format!("%s version %s\0Linux version %s\0Linux version {release} (test) #1\0");
    elf(&[
        (".rodata", 1, banner.as_bytes()),
        (".uml.help.init", 1, &[0; 8]),
    ])
}

/// A relocatable ELF file with a .modinfo section of these entries, and a build id.
pub fn module(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut modinfo = Vec::new();
    for (key, value) in entries {
        modinfo.extend_from_slice(format!("{key}={value}\0").as_bytes());
    }
    let mut note = Vec::new();
    for word in [4_u32, 4, 3] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"GNU\0\xb1\xd0\x00\x1d");
    elf(&[(".modinfo", 1, &modinfo), (".note", 7, &note)])
}

/// An ELF file of these sections, each with its name, type and content.
fn elf(sections: &[(&str, u32, &[u8])]) -> Vec<u8> {
    const HEADER: usize = 64;
    let mut names = vec![0];
    let mut body = Vec::new();
    let mut headers = vec![(0, 0, 0, 0)];
    for (name, kind, content) in sections {
        headers.push((names.len(), *kind, HEADER + body.len(), content.len()));
        names.extend_from_slice(format!("{name}\0").as_bytes());
        body.extend_from_slice(content);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let own_name = names.len();
    names.extend_from_slice(b".names\0");
    headers.push((own_name, 3, HEADER + body.len(), names.len()));
    body.extend_from_slice(&names);
    body.resize(body.len().next_multiple_of(8), 0);

    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend_from_slice(&1_u16.to_le_bytes()); // relocatable
    file.extend_from_slice(&62_u16.to_le_bytes()); // x86-64
    file.extend_from_slice(&1_u32.to_le_bytes());
    for place in [0, 0, (HEADER + body.len()) as u64] {
        file.extend_from_slice(&place.to_le_bytes());
    }
    file.extend_from_slice(&0_u32.to_le_bytes());
    let count = headers.len() as u16;
    for half in [HEADER as u16, 0, 0, 64, count, count - 1] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&body);
    for (name, kind, at, size) in headers {
        file.extend_from_slice(&(name as u32).to_le_bytes());
        file.extend_from_slice(&kind.to_le_bytes());
        for field in [0, 0, at as u64, size as u64] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        file.extend_from_slice(&[0; 8]);
        for field in [1_u64, 0] {
            file.extend_from_slice(&field.to_le_bytes());
        }
    }
    file
}
