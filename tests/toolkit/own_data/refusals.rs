// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cannot be searched is refused in a sentence, with status 2, before anything is booted or written down.

use std::path::Path;
use std::process::Command;

use crate::python::run_python;

/// Each file has one thing wrong with it.
const FILES: &str = r"
import h5py, numpy as np
a = np.random.default_rng(5).standard_normal((40, 6)).astype('<f4')
def changed(row, element, value):
    b = a.copy()
    b[row, element] = value
    return b
np.save('good.npy', a)
np.save('nan.npy', changed(7, 3, np.nan))
np.save('infinite.npy', changed(39, 0, -np.inf))
np.save('inexact.npy', np.concatenate([a, [[0.5, 0.1, 0, 0, 0, 0]]]).astype('<f8'))
np.save('integers.npy', np.full((40, 6), 2**24 + 1, '<i4'))
np.save('complex.npy', a.astype('<c8'))
with open('long.npy', 'wb') as file:
    np.save(file, a)
    np.save(file, a)
with open('short.npy', 'wb') as file:
    np.save(file, a)
    file.truncate(file.tell() - 3)
open('header.npy', 'wb').write(open('long.npy', 'rb').read(70))
open('header.fbin', 'wb').write(bytes(5))
np.save('flat.npy', a[0])
np.save('empty.npy', a[:0])
np.save('few.npy', a[:9])
np.save('narrow.npy', a[:, :5])
zero = a.copy()
zero[11] = 0
np.save('zero.npy', zero)
tiny = a.copy()
tiny[12] = 1e-30
np.save('tiny.npy', tiny)

def fvecs(name, rows):
    with open(name, 'wb') as file:
        for row in rows:
            np.array([len(row)], '<u4').tofile(file)
            row.astype('<f4').tofile(file)
fvecs('ragged.fvecs', [a[0], a[1], a[2, :5], *a])
fvecs('cut.fvecs', a)
with open('cut.fvecs', 'r+b') as file:
    file.truncate(40 * 28 - 3)
open('nothing.fvecs', 'wb').close()
open('text.txt', 'w').write('1,2,3')
open('text.hdf5', 'w').write('1,2,3')
with open('huge.fbin', 'wb') as file:
    np.array([3_000_000, 1000], '<u4').tofile(file)
    np.array([np.nan], '<f4').tofile(file)
    file.truncate(8 + 3_000_000 * 1000 * 4)
with open('disagrees.fbin', 'wb') as file:
    np.array([41, 6], '<u4').tofile(file)
    a.tofile(file)
with open('longer.fbin', 'wb') as file:
    np.array([39, 6], '<u4').tofile(file)
    a.tofile(file)

def hdf5(name, distance=None, **datasets):
    with h5py.File(name, 'w') as file:
        if distance is not None:
            file.attrs['distance'] = distance
        for dataset, content in datasets.items():
            file[dataset] = content
hdf5('hamming.hdf5', 'hamming', train=a, test=a)
hdf5('number.hdf5', 5, train=a, test=a)
hdf5('complex.hdf5', train=a.astype('<c8'), test=a)
hdf5('axes.hdf5', train=a[0], test=a)
hdf5('no-train.hdf5', test=a)
hdf5('narrow.hdf5', train=a, test=a[:, :4])
hdf5('inexact.hdf5', train=a.astype('<f8') + 1e-12, test=a)
hdf5('angular.hdf5', 'angular', train=a, test=zero)
hdf5('queries.hdf5', train=a, test=a, neighbors=np.zeros((3, 10), '<i4'))
";

#[test]
fn each_refusal_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    run_python(FILES, folder.path());
    for (arguments, sentence) in [
        ("nan.npy", "nan.npy: row 7: element 3 is not a number (NaN)"),
        (
            "infinite.npy",
            "infinite.npy: row 39: element 0 is infinite",
        ),
        (
            "inexact.npy",
            "inexact.npy: row 40: element 1 is a 64-bit float that no 32-bit one equals: convert the vectors to f32",
        ),
        (
            "inexact.hdf5",
            "inexact.hdf5: row 0: element 0 is a 64-bit float",
        ),
        (
            "integers.npy",
            "integers.npy: row 0: element 0 is an integer that no 32-bit float equals: scale",
        ),
        (
            "complex.npy",
            "complex.npy: its elements are '<c8'; floats and integers of 8 to 64 bits are read",
        ),
        (
            "long.npy",
            "long.npy: its header says 40 rows of 6 elements of 4 bytes, which makes 1088 bytes, but it has 2176: something follows that would be lost",
        ),
        (
            "short.npy",
            "which makes 1088 bytes, but it has 1085: the rest is missing, so copy the file anew",
        ),
        (
            "header.npy",
            "header.npy: it ends within its header: copy the file anew",
        ),
        (
            "header.fbin",
            "header.fbin: it ends within its header: copy the file anew",
        ),
        (
            "disagrees.fbin",
            "which makes 992 bytes, but it has 968: the rest is missing",
        ),
        (
            "longer.fbin",
            "which makes 944 bytes, but it has 968: something follows that would be lost",
        ),
        ("flat.npy", "flat.npy: the array has 1 axes; two are needed"),
        (
            "empty.npy",
            "empty.npy: of 0 rows none can be spared as a query",
        ),
        (
            "few.npy",
            "few.npy: of 9 rows none can be spared as a query; name a file with queries by --queries",
        ),
        (
            "good.npy --queries narrow.npy",
            "narrow.npy: its queries have 5 elements, but the rows of",
        ),
        (
            "good.npy --queries empty.npy",
            "empty.npy: it has no queries",
        ),
        (
            "good.npy --queries nan.npy",
            "nan.npy: row 7: element 3 is not a number (NaN)",
        ),
        (
            "zero.npy --metric cosine",
            "zero.npy: row 11: it has no finite length above 0, so it makes no angle with another",
        ),
        (
            "tiny.npy --metric cosine",
            "tiny.npy: row 12: it has no finite length",
        ),
        (
            "angular.hdf5",
            "angular.hdf5: row 11: it has no finite length",
        ),
        (
            "ragged.fvecs",
            "ragged.fvecs: row 2: its dimension is 5, but the rows before it have 6; `head -c 56 ragged.fvecs` prints the 2 rows before it, as a file that is whole",
        ),
        (
            "cut.fvecs",
            "cut.fvecs: row 39: the file ends in the middle of the row; `truncate -s 1092 cut.fvecs` removes that half row, and keeps the 39 rows before it",
        ),
        ("nothing.fvecs", "nothing.fvecs: it has no rows"),
        (
            "text.txt",
            "text.txt: its name ends in none of .fvecs, .bvecs, .ivecs, .npy, .npz, .fbin, .f16bin, .u8bin, .i8bin, .hdf5, .h5",
        ),
        ("text.hdf5", "text.hdf5: it cannot be read as HDF5"),
        ("missing.npy", "missing.npy: No such file or directory"),
        ("missing.hdf5", "missing.hdf5: No such file or directory"),
        (
            "hamming.hdf5",
            "hamming.hdf5: its distance is `hamming`, which VexFS has no metric for; ask for another by --metric",
        ),
        (
            "number.hdf5",
            "number.hdf5: its attribute `distance` is no text",
        ),
        (
            "complex.hdf5",
            "complex.hdf5: the elements of its dataset `train` are ",
        ),
        (
            "axes.hdf5",
            "axes.hdf5: its dataset `train` has 1 axes; two are needed",
        ),
        (
            "no-train.hdf5",
            "no-train.hdf5: it has no dataset `train`, but test",
        ),
        (
            "narrow.hdf5",
            "narrow.hdf5: its queries have 4 elements, but the rows of",
        ),
        (
            "queries.hdf5",
            "queries.hdf5: its dataset `neighbors` is 3 x 10, too few for 40 queries",
        ),
        (
            "huge.fbin --queries good.npy",
            "good.npy: its queries have 6 elements, but the rows of",
        ),
        (
            "huge.fbin",
            "huge.fbin: 2999900 rows of 1000 elements are too many: a guest can be given 1024 MiB; take the first",
        ),
    ] {
        let said = refusal(folder.path(), arguments);
        assert!(said.contains(sentence), "{arguments}: {said}");
        assert!(
            said.starts_with("vexfs-validate: ") && said.lines().count() == 1,
            "{said}"
        );
        assert_eq!(said.matches(sentence).count(), 1, "said twice: {said}");
    }
}

/// What is said of a run on a file of the folder.
fn refusal(folder: &Path, arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(["run", "--out", "out", "--bundle", "none", "--dataset"])
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
    assert!(!folder.join("out").exists(), "{arguments} left something");
    said
}

#[test]
fn how_many_rows_fit_is_said_and_true() {
    let folder = tempfile::tempdir().unwrap();
    run_python(FILES, folder.path());
    let said = refusal(folder.path(), "huge.fbin");
    let rows: usize = said.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
    // Half as many, since memory is taken and freed all the time, are not refused for their number, but for the first.
    let rows = rows / 2;
    let said = refusal(folder.path(), &format!("huge.fbin --rows {rows}"));
    assert!(said.contains("row 0: element 0 is not a number"), "{said}");
}

#[test]
fn options_of_own_vectors_need_them() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "--queries a.npy",
        "--rows 5",
        "--metric ip",
        "--query-rows 5",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(["run", "--out", "out"])
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains("--dataset <FILE>"), "{said}");
    }
}
