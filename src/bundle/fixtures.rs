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

/// A relocatable ELF file with a .modinfo section of these entries, and a build id.
pub fn module(entries: &[(&str, &str)]) -> Vec<u8> {
    const NAMES: &[u8] = b"\0.modinfo\0.note\0.names\0";
    const HEADER: usize = 64;
    let mut modinfo = Vec::new();
    for (key, value) in entries {
        modinfo.extend_from_slice(format!("{key}={value}\0").as_bytes());
    }
    modinfo.resize(modinfo.len().next_multiple_of(8), 0);
    let mut note = Vec::new();
    for word in [4_u32, 4, 3] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"GNU\0\xb1\xd0\x00\x1d");

    let (modinfo_at, note_at) = (HEADER, HEADER + modinfo.len());
    let names_at = note_at + note.len();
    let sections_at = (names_at + NAMES.len()).next_multiple_of(8);
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend_from_slice(&1_u16.to_le_bytes()); // relocatable
    file.extend_from_slice(&62_u16.to_le_bytes()); // x86-64
    file.extend_from_slice(&1_u32.to_le_bytes());
    for place in [0, 0, sections_at as u64] {
        file.extend_from_slice(&place.to_le_bytes());
    }
    file.extend_from_slice(&0_u32.to_le_bytes());
    for half in [HEADER as u16, 0, 0, 64, 4, 3] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&modinfo);
    file.extend_from_slice(&note);
    file.extend_from_slice(NAMES);
    file.resize(sections_at, 0);
    for (name, kind, at, size) in [
        (0_u32, 0_u32, 0, 0),
        (1, 1, modinfo_at, modinfo.len()),
        (10, 7, note_at, note.len()),
        (16, 3, names_at, NAMES.len()),
    ] {
        file.extend_from_slice(&name.to_le_bytes());
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
