// SPDX-License-Identifier: MIT OR Apache-2.0
//! Index files that are made to deceive: sound ones of every kind, changed in one place or two. Where a checksum would
//! give the change away at once, it is put right, so that what is behind it is tried.

use std::mem::offset_of;

use super::ground::Ground;
use super::random::Random;
use crate::anns::index::{Header, Kind, SECTIONS};

const HEADER: usize = size_of::<Header>();

/// An index file in place of the sound one of this kind.
pub fn random(random: &mut Random, ground: &Ground, kind: Kind) -> Vec<u8> {
    let mut file = ground.index_file(kind).to_vec();
    let near = near(ground, &file);
    match random.below(20) {
        0 => {
            random.flip(&mut file);
            return file;
        }
        1 => random.flip(&mut file),
        2 => {
            file.truncate(random.below(file.len()));
            claim_size(&mut file);
        }
        3 => {
            let more = random.below(5000);
            let tail = random.bytes(more);
            file.extend(tail);
            claim_size(&mut file);
        }
        4 => {
            let length = random.below(2 * HEADER);
            return random.bytes(length);
        }
        5 => {
            // The head of one kind and the tail of another.
            let other = ground.index_file(random.of(&Kind::ALL)).to_vec();
            let at = random.below(file.len().min(other.len()));
            file.truncate(at);
            file.extend_from_slice(&other[at..]);
        }
        6 => {
            let other = random.of(&Kind::ALL);
            file = ground.index_file(other).to_vec();
        }
        7 => random.swap(&mut file[..HEADER]),
        8 => random.swap(&mut file[HEADER..]),
        9..=11 => random.poke(&mut file[8..HEADER], &near),
        12 => {
            random.poke(&mut file[8..HEADER], &near);
            poke_section(random, &mut file, &near);
        }
        13 => random.flip(&mut file[HEADER..]),
        _ => poke_section(random, &mut file, &near),
    }
    if !random.one_in(16) {
        seal(&mut file);
    }
    file
}

/// Numbers that are a limit somewhere in this file.
fn near(ground: &Ground, file: &[u8]) -> Vec<u32> {
    let header: Header = bytemuck::pod_read_unaligned(&file[..HEADER]);
    let mut near = vec![
        ground.rows.rows() as u32,
        header.dim,
        header.sections,
        file.len() as u32,
    ];
    near.extend(header.param.iter().filter(|param| **param > 0));
    near
}

/// Each section as often as any other, however small.
fn poke_section(random: &mut Random, file: &mut [u8], near: &[u32]) {
    let header: Header = bytemuck::pod_read_unaligned(&file[..HEADER]);
    let section = header.section[random.below((header.sections as usize).clamp(1, SECTIONS))];
    let (from, to) = (section.offset, section.offset.saturating_add(section.bytes));
    let range = from as usize..to as usize;
    if let Some(section) = file.get_mut(range) {
        random.poke(section, near);
    }
}

/// Lets the header say the size that the file has.
fn claim_size(file: &mut [u8]) {
    let size = file.len() as u64;
    let at = offset_of!(Header, bytes);
    if let Some(field) = file.get_mut(at..at + 8) {
        field.copy_from_slice(&size.to_le_bytes());
    }
}

/// Puts the checksums right.
fn seal(file: &mut [u8]) {
    if file.len() < HEADER {
        return;
    }
    let (body, header) = (offset_of!(Header, body_crc), offset_of!(Header, header_crc));
    let end = file.len();
    let mut put = |at: usize, from: usize, to: usize| {
        let sum = crc32c::crc32c(&file[from..to]);
        file[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    };
    put(body, HEADER, end);
    put(header, 0, header);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::index::{Bytes, Index};

    /// Some are sound after all, and the others fail at more than one door.
    #[test]
    fn files_of_every_kind_get_to_every_door() {
        let ground = Ground::new().unwrap();
        for kind in Kind::ALL {
            let mut choices = Random::new(3, 0);
            let (mut sound, mut faults) = (0, std::collections::BTreeSet::new());
            for _ in 0..400 {
                let file = random(&mut choices, &ground, kind);
                match Index::parse(Bytes::copy_of(&file).unwrap(), kind) {
                    Ok(_) => sound += 1,
                    Err(fault) => drop(faults.insert(fault.to_string())),
                }
            }
            assert!((20..300).contains(&sound), "{kind}: {sound}");
            assert!(faults.len() >= 8, "{kind}: {faults:?}");
        }
    }
}
