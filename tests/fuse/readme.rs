// SPDX-License-Identifier: MIT OR Apache-2.0
//! The README's lines on a file of one's own, word by word, in a directory with nothing but that file.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use crate::ordinary_user::{Place, printed};

const HEADING: &str = "## Search your own file";

/// The lines of the block below the heading.
fn block() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let lines = readme.lines().skip_while(|line| *line != HEADING).skip(2);
    let lines = lines.map_while(|line| line.strip_prefix("    "));
    lines.map(str::to_owned).collect()
}

/// An array as NumPy saves it: 300 rows of 8 elements of f32.
fn embeddings() -> Vec<u8> {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 8), }";
    let header = format!("{header:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    let elements = (0..300 * 8).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 16) as f32);
    file.extend(elements.flat_map(f32::to_le_bytes));
    file
}

#[test]
fn each_line_works_for_root_and_for_everybody_else() {
    let lines = block();
    assert!(
        lines.len() > 5 && lines[0].starts_with("cargo install --path ."),
        "{lines:?}"
    );
    for uid in [0, 65534] {
        let place = Place::new();
        // The mount point is below that of the place, which unmounts it.
        let directory = place.path("store");
        fs::write(directory.join("embeddings.npy"), embeddings()).unwrap();
        chown(&directory, Some(uid), Some(uid)).unwrap();
        let id = format!("--reuid={uid}");
        let run = |line: &str| {
            let line = format!("cd store\n{line}");
            printed(place.shell(&["setpriv", &id, "--clear-groups"], &line))
        };
        let said: Vec<String> = lines[1..].iter().map(|line| run(line)).collect();
        run("umount mnt");
        let [.., found, measured] = said.as_slice() else {
            panic!("{said:?}");
        };
        assert!(found.starts_with("7\t0\n"), "{found}");
        assert_eq!(
            measured
                .lines()
                .filter(|line| line.contains("1.0000"))
                .count(),
            3,
            "{measured}"
        );
        assert!(directory.join("store/vectors.fvecs.hnsw").exists());
    }
}
