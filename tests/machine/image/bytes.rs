// SPDX-License-Identifier: MIT OR Apache-2.0
//! Equal inputs give equal bytes, other programs find the image sound, and bad inputs are refused.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::bundles::{for_disks, scratch};
use crate::image::disk::Image;

const SECTOR: usize = 512;

#[test]
fn images_are_equal_to_the_byte_and_sound() {
    let first = Image::new(for_disks(), &[]);
    // FAT counts in twos of seconds.
    sleep(Duration::from_millis(2100));
    let second = Image::new(for_disks(), &[]);
    let bytes = fs::read(first.path()).unwrap();
    assert!(bytes == fs::read(second.path()).unwrap());

    let verified = run(Command::new("/sbin/sgdisk")
        .arg("--verify")
        .arg(first.path()));
    assert!(verified.contains("No problems found"), "{verified}");
    let listed = run(Command::new("/sbin/sgdisk")
        .arg("--print")
        .arg(first.path()));
    let partitions: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<&str>| words.first().is_some_and(|word| word.parse::<u8>().is_ok()))
        .collect();
    let kinds: Vec<_> = partitions.iter().map(|words| words[5]).collect();
    assert_eq!(kinds, ["EF00", "0700"], "{listed}");

    let dir = scratch();
    for words in partitions {
        let [start, end] = [1, 2].map(|word| words[word].parse::<usize>().unwrap());
        let path = dir.path().join(words[0]);
        fs::write(&path, &bytes[start * SECTOR..(end + 1) * SECTOR]).unwrap();
        // Its exit status tells of the least complaint.
        run(Command::new("/sbin/fsck.vfat").arg("-n").arg(&path));
    }
}

#[test]
fn an_image_that_never_ran_says_so() {
    let report = Image::new(for_disks(), &[]).report();
    assert_eq!(report.status, 2);
    assert!(report.json["run"].is_null(), "{report:?}");
}

#[test]
fn what_cannot_boot_is_refused() {
    let dir = scratch();
    let file = |content: &[u8]| {
        let path = dir.path().join("stub");
        fs::File::create(&path).unwrap().write_all(content).unwrap();
        path
    };
    let refused = |bundle: &Path, stub: &Path, sentence: &str| {
        let out = dir.path().join("out.img");
        let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(["image", "--bundle"])
            .arg(bundle)
            .arg("--stub")
            .arg(stub)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(sentence), "{said}");
        assert!(!out.exists());
    };
    refused(for_disks(), &file(b"no stub"), "the stub is no EFI program");
    refused(
        for_disks(),
        Path::new("/nonexistent/stub"),
        "/nonexistent/stub",
    );
    refused(dir.path(), &file(b""), "manifest.json");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; vm/install-host-tools.sh installs it")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?} said {said}");
    said
}
