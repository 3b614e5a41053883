// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs dataset import`: nothing that is there is lost, whatever is named and however it ends.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use vexfs::dataset::fvecs;

const ROWS: u32 = 5;
const DIM: u32 = 3;

/// A file of rows that are numbered from 0 on.
fn fbin(path: &Path, rows: u32) {
    let header = [rows, DIM].map(u32::to_le_bytes).concat();
    let elements = (0..rows * DIM).flat_map(|at| (at as f32).to_le_bytes());
    fs::write(path, [header, elements.collect()].concat()).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fbin(&folder.path().join("a.fbin"), ROWS);
    folder
}

fn import(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs"));
    command
        .args(["dataset", "import"])
        .args(arguments.split(' '))
        .current_dir(folder);
    command
}

fn imported(folder: &Path, arguments: &str) -> Output {
    let output = import(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    output
}

/// What is said of an import that is refused, in one sentence. Nothing in the folder has changed.
fn refused(folder: &Path, arguments: &str) -> String {
    let before = contents(folder);
    let output = import(folder, arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(contents(folder), before, "{arguments} changed something");
    said
}

/// The names in a folder, with what regular files hold.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut contents: Vec<_> = entries
        .map(|entry| {
            let is_file = entry.file_type().unwrap().is_file();
            let content = is_file.then(|| fs::read(entry.path()).unwrap());
            let name = entry.file_name().into_string().unwrap();
            (name, content.unwrap_or_default())
        })
        .collect();
    contents.sort();
    contents
}

/// Whether a file holds the rows that are numbered from 0 on.
fn holds_the_rows(path: &Path) {
    let rows = fvecs::read(path).unwrap();
    assert_eq!((rows.rows(), rows.dim()), (ROWS as usize, DIM as usize));
    let elements: Vec<f32> = rows.iter().flatten().copied().collect();
    let expected: Vec<f32> = (0..ROWS * DIM).map(|at| at as f32).collect();
    assert_eq!(elements, expected);
}

#[test]
fn what_must_not_be_written_over_is_refused() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    imported(folder.path(), "a.fbin a.fvecs");
    fs::hard_link(path("a.fvecs"), path("hard.fvecs")).unwrap();
    symlink("a.fvecs", path("link.fvecs")).unwrap();
    symlink("nowhere", path("dangling.fvecs")).unwrap();
    symlink("a.fbin", path("other.fvecs")).unwrap();
    fs::create_dir(path("folder.fvecs")).unwrap();
    let itself = "is the file that is read: name another one to write";
    for (arguments, sentence) in [
        ("a.fvecs a.fvecs", itself),
        ("a.fvecs ./a.fvecs", itself),
        ("a.fvecs hard.fvecs", itself),
        ("a.fvecs link.fvecs", itself),
        (
            "a.fbin out.npy",
            "cannot write out.npy: only a name that ends in .fvecs is a vector file's",
        ),
        ("a.fbin .fvecs", "only a name that ends in .fvecs"),
        ("a.fbin other.fvecs", "only a name that ends in .fvecs"),
        (
            "a.fbin dangling.fvecs",
            "it is a symbolic link that leads nowhere; name the file itself",
        ),
        (
            "a.fbin folder.fvecs",
            "it is a directory; name a file in it",
        ),
        (
            "a.fbin none/b.fvecs",
            "cannot write none/b.fvecs: there is no folder none; make it first",
        ),
        ("none.fbin b.fvecs", "none.fbin: No such file or directory"),
        ("folder.fvecs b.fvecs", "folder.fvecs: it is a directory"),
        ("- b.fvecs", "say it by --format"),
    ] {
        let said = refused(folder.path(), arguments);
        assert_eq!(said.matches(sentence).count(), 1, "{arguments}: {said}");
    }
}

#[test]
fn a_link_is_followed_and_permissions_stay() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("real.fvecs"), "old").unwrap();
    fs::set_permissions(path("real.fvecs"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("real.fvecs", path("link.fvecs")).unwrap();
    imported(folder.path(), "a.fbin link.fvecs");
    assert!(path("link.fvecs").is_symlink());
    holds_the_rows(&path("real.fvecs"));
    let mode = fs::metadata(path("real.fvecs"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(contents(folder.path()).len(), 3);
}

#[test]
fn streams_are_written_into_and_read_from() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let output = imported(folder.path(), "a.fbin -");
    fs::write(path("standard.fvecs"), &output.stdout).unwrap();
    holds_the_rows(&path("standard.fvecs"));
    assert_eq!(output.stderr, b"vexfs: 5 rows written\n");

    mkfifo(&path("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let mut writer = import(folder.path(), "a.fbin fifo").spawn().unwrap();
    let mut through = Vec::new();
    File::open(path("fifo"))
        .unwrap()
        .read_to_end(&mut through)
        .unwrap();
    assert!(writer.wait().unwrap().success());
    assert_eq!(through, output.stdout);
    assert!(path("fifo").metadata().unwrap().file_type().is_fifo());
    imported(folder.path(), "a.fbin /dev/null");
    // It leads to a pipe that has no other name.
    let named = imported(folder.path(), "a.fbin /dev/stdout");
    assert_eq!(named.stdout, output.stdout, "{named:?}");
    let null = fs::metadata("/dev/null").unwrap().file_type();
    assert!(null.is_char_device());

    for arguments in [
        "- in.fvecs --format fbin",
        "/dev/stdin in.fvecs --format fbin",
    ] {
        let mut reader = import(folder.path(), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = reader.stdin.take().unwrap();
        input.write_all(&fs::read(path("a.fbin")).unwrap()).unwrap();
        drop(input);
        assert!(reader.wait().unwrap().success());
        holds_the_rows(&path("in.fvecs"));
        fs::remove_file(path("in.fvecs")).unwrap();
    }
    assert!(!path("-").exists());
}

#[test]
fn a_reader_that_stops_is_no_error() {
    let folder = folder();
    let (_, gone) = std::io::pipe().unwrap();
    let ended = import(folder.path(), "a.fbin -").stdout(gone).output();
    let ended = ended.unwrap();
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{ended:?}"
    );
}

/// Signals in the middle of an import, which waits for what a pipe does not bring.
/// Sends a signal to an import as soon as it has begun to write.
fn sent_when_it_writes(signal: Signal, folder: &Path, new: &Path) -> Output {
    let mut process = import(folder, "long.fbin b.fvecs")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while process.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never begins");
        if new.metadata().is_ok_and(|new| new.len() > 0) {
            kill(Pid::from_raw(process.id() as i32), signal).unwrap();
            break;
        }
    }
    process.wait_with_output().unwrap()
}

#[test]
fn an_interrupted_import_leaves_the_old_file_and_nothing_else() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fbin(&path("long.fbin"), 3_000_000);
    fs::write(path("b.fvecs"), "old").unwrap();
    let before = contents(folder.path());
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGKILL,
    ] {
        let new = path("b.fvecs.new");
        // On a busy machine an import may be over before the signal comes.
        let ended = (0..20)
            .map(|_| {
                fs::write(path("b.fvecs"), "old").unwrap();
                sent_when_it_writes(signal, folder.path(), &new)
            })
            .find(|ended| !ended.status.success())
            .expect("an import that a signal reaches");
        let said = String::from_utf8(ended.stderr).unwrap();
        if signal == Signal::SIGKILL {
            assert_eq!(ended.status.code(), None);
            assert!(new.exists(), "a process that is killed cannot tidy up");
        } else {
            assert_eq!(ended.status.code(), Some(130), "{said}");
            assert!(said.starts_with("vexfs: interrupted"), "{said}");
            assert_eq!(contents(folder.path()), before);
        }
    }
    // The next import does.
    imported(folder.path(), "a.fbin b.fvecs");
    holds_the_rows(&path("b.fvecs"));
    assert!(!path("b.fvecs.new").exists());
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = folder();
    fs::create_dir(folder.path().join("small")).unwrap();
    let small = folder.path().join("small");
    nix::mount::mount(
        Some("tmpfs"),
        &small,
        Some("tmpfs"),
        nix::mount::MsFlags::empty(),
        Some("size=1m"),
    )
    .unwrap();
    fbin(&folder.path().join("long.fbin"), 1_000_000);
    fs::write(small.join("b.fvecs"), "old").unwrap();
    let output = import(folder.path(), "long.fbin small/b.fvecs").output();
    let left = contents(&small);
    nix::mount::umount2(&small, nix::mount::MntFlags::MNT_DETACH).unwrap();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert_eq!(
        said,
        "vexfs: cannot write small/b.fvecs: No space left on device (os error 28); the file is as it was\n"
    );
    assert_eq!(left, [("b.fvecs".to_owned(), b"old".to_vec())]);
}

#[test]
fn half_a_row_is_mended_as_the_error_says() {
    let folder = folder();
    let path = folder.path().join("it is.fvecs");
    imported(folder.path(), "a.fbin a.fvecs");
    let whole = fs::read(folder.path().join("a.fvecs")).unwrap();
    fs::write(&path, [&whole[..], &whole[..7]].concat()).unwrap();
    let search = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs"));
        command.arg("search").arg("it is.fvecs");
        command.args(["--query", "1,2,3", "--k", "1"]);
        command.current_dir(folder.path()).output().unwrap()
    };
    let said = String::from_utf8(search().stderr).unwrap();
    let remedy = said.split('`').nth(1).expect(&said).to_owned();
    assert!(remedy.starts_with("truncate -s 80 "), "{said}");
    let mended = Command::new("sh")
        .args(["-c", &remedy])
        .current_dir(folder.path())
        .status();
    assert!(mended.unwrap().success());
    assert!(search().status.success());
    assert_eq!(fs::read(&path).unwrap(), whole);
}

/// Parts that have names, and an import that rounds.
#[test]
fn parts_are_chosen_by_name() {
    let folder = folder();
    crate::python::run_python(
        r#"
import h5py, json, numpy as np
with h5py.File('a.hdf5', 'w') as file:
    file['train'] = [[0.1, -0.0], [1e-40, 2.0]]
    file['test'] = [[5.0, 6.0]]
a = np.array([[1, 2]], '<f4')
header = json.dumps({name: {'dtype': 'F32', 'shape': shape, 'data_offsets': [at, at + 8]}
                     for name, shape, at in [('one', [1, 2], 0), ('two', [1, 2], 8), ('bias', [2], 16)]})
with open('a.safetensors', 'wb') as file:
    np.array([len(header)], '<u8').tofile(file)
    file.write(header.encode())
    for factor in [1, 2, 3]:
        (a * factor).tofile(file)
with open('a.jsonl', 'w') as file:
    print(json.dumps({'a': [1, 2], 'b': [3, 4]}), file=file)
"#,
        folder.path(),
    );
    let row = |arguments: &str, row: usize| {
        imported(folder.path(), &format!("{arguments} b.fvecs"));
        let rows = fvecs::read(&folder.path().join("b.fvecs")).unwrap();
        rows.row(row).to_vec()
    };
    assert_eq!(row("a.hdf5", 0), [0.1, -0.0]);
    assert_eq!(row("a.hdf5", 1), [1e-40, 2.0]);
    assert_eq!(row("a.hdf5 --dataset test", 0), [5.0, 6.0]);
    assert_eq!(row("a.safetensors --dataset two", 0), [2.0, 4.0]);
    assert_eq!(row("a.jsonl --dataset b", 0), [3.0, 4.0]);
    for (arguments, sentence) in [
        ("a.hdf5 --dataset tests", "it has no dataset `tests`"),
        (
            "a.safetensors",
            "it has several tensors with two axes: name one by `vexfs dataset import --dataset NAME`, of one, two",
        ),
        (
            "a.safetensors --dataset three",
            "it has no tensor `three`, but one, two, bias",
        ),
        (
            "a.safetensors --dataset bias",
            "its tensor `bias` has 1 axes; two are needed",
        ),
        (
            "a.jsonl",
            "line 1: it is an object with 2 lists: name one by `vexfs dataset import --dataset NAME`",
        ),
    ] {
        let said = refused(folder.path(), &format!("{arguments} c.fvecs"));
        assert_eq!(said.matches(sentence).count(), 1, "{arguments}: {said}");
    }
}

#[test]
fn text_that_holds_no_vectors_says_where() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, sentence) in [
        ("a.csv", "1,2\n3,x\n", "line 2: column 2 is no number: `x`"),
        (
            "a.csv",
            "a,b\n1,2\n3\n",
            "line 3: it has 1 elements, but the lines before have 2",
        ),
        ("a.csv", "a,b\n", "it has no rows"),
        ("a.csv", "1,inf\n", "row 0: element 1 is infinite"),
        (
            "a.jsonl",
            "[1, 2]\n\n[1, \"2\"]\n",
            "line 3: element 1 is no number: \"2\"",
        ),
        (
            "a.jsonl",
            "[1, 2]\n[1]\n",
            "line 2: it has 1 elements, but the lines before have 2",
        ),
        ("a.jsonl", "[1, 2\n", "line 1: it is no JSON"),
        (
            "a.jsonl",
            "7\n",
            "line 1: it is neither a list of numbers nor an object with one",
        ),
        ("a.jsonl", "", "it has no rows"),
        ("a.safetensors", "1234567", "it ends within its header"),
        (
            "a.safetensors",
            "\u{1}\0\0\0\0\0\0\0{",
            "it cannot be read as safetensors",
        ),
        (
            "a.bvecs",
            "\u{2}\0\0\0ab\u{2}\0\0\0a",
            "row 1: the file ends in the middle of the row; `truncate -s 6 a.bvecs`",
        ),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
        let said = refused(folder.path(), &format!("{name} b.fvecs"));
        assert_eq!(said.matches(sentence).count(), 1, "{text:?}: {said}");
    }
}

#[test]
fn what_is_not_read_as_it_is_says_the_way_out() {
    let folder = folder();
    let header = [2, DIM].map(u32::to_le_bytes).concat();
    let halves = [header.as_slice(), &[0; 2 * 2 * DIM as usize]].concat();
    let empty = [0, DIM].map(u32::to_le_bytes).concat();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("halves.fbin", &halves);
    write("empty.fbin", &empty);
    for (arguments, sentence) in [
        (
            "halves.fbin",
            "if they are 16-bit floats, let its name end in .f16bin, or import it with --format f16bin",
        ),
        ("empty.fbin", "empty.fbin: it has no rows"),
        (
            "a.parquet",
            "tables of Arrow are not read: in Python, `numpy.save(",
        ),
        ("a.feather", "tables of Arrow are not read"),
        (
            "a.csv.gz",
            "it is packed: `zcat FILE | vexfs dataset import - OUTPUT --format FORMAT` reads it",
        ),
        (
            "a.fbin --dataset train",
            "a file of the format fbin has one table, without a name: leave --dataset out",
        ),
    ] {
        let said = refused(folder.path(), &format!("{arguments} b.fvecs"));
        assert_eq!(said.matches(sentence).count(), 1, "{arguments}: {said}");
    }
    imported(folder.path(), "halves.fbin b.fvecs --format f16bin");
    let rows = fvecs::read(&folder.path().join("b.fvecs")).unwrap();
    assert_eq!((rows.rows(), rows.dim()), (2, DIM as usize));
    // Some editors put a mark in front of a text.
    write("mark.jsonl", "\u{feff}[1, 2]\n\u{feff}[3, 4]\n".as_bytes());
    let said = refused(folder.path(), "mark.jsonl c.fvecs");
    assert!(said.contains("line 2: it is no JSON"), "{said}");
    write("mark.jsonl", "\u{feff}[1, 2]\n[3, 4]\n".as_bytes());
    imported(folder.path(), "mark.jsonl c.fvecs");
}
