// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vector files that are made to deceive.

use super::ground::Ground;
use super::random::Random;

/// A vector file in place of the sound one.
pub fn random(random: &mut Random, ground: &Ground) -> Vec<u8> {
    let mut file = ground.encoded.clone();
    let row = file.len() / ground.rows.rows();
    let near = [ground.rows.dim() as u32, ground.rows.rows() as u32];
    match random.below(12) {
        0 => random.flip(&mut file),
        1 => file.truncate(random.below(file.len())),
        // To whole rows.
        2 => file.truncate(row * random.below(ground.rows.rows())),
        3 => {
            let more = random.below(3 * row);
            let tail = random.bytes(more);
            file.extend(tail);
        }
        4 => file.resize(file.len() + random.below(0x10000), 0),
        5 => {
            // Rows once more.
            let from = row * random.below(ground.rows.rows());
            file.extend_from_within(from..);
        }
        6 => random.swap(&mut file),
        // The dimension of the first row, of another one, and elements.
        7 => random.poke(&mut file[..4], &near),
        8 => {
            let at = row * random.below(ground.rows.rows());
            random.poke(&mut file[at..at + 4], &near);
        }
        9 => {
            let length = random.below(4 * row);
            file = random.bytes(length);
        }
        10 => {
            // Sound, of other rows.
            let at = row * random.below(ground.rows.rows()) + 4;
            let element = random.below(100) as f32;
            file[at..at + 4].copy_from_slice(&element.to_le_bytes());
        }
        _ => random.poke(&mut file, &near),
    }
    file
}
