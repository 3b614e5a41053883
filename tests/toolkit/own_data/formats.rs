// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files as NumPy and h5py write them, read to the bit.

use std::fs;
use std::path::Path;

use vexfs::dataset::formats;
use vexfs::dataset::fvecs;
use vexfs::dataset::hdf5::TRAIN;
use vexfs::dataset::import::import;
use vexfs::dataset::rows::Doubles;

use crate::python::run_python;

/// The elements of all rows, as little-endian f32.
fn elements(path: &Path) -> Vec<u8> {
    let matrix = formats::open(path, TRAIN, Doubles::Exact)
        .and_then(|rows| rows.read_first(usize::MAX))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = matrix.iter().flat_map(bytemuck::cast_slice::<f32, u8>);
    rows.copied().collect()
}

/// Every file in the folder but `expected` holds the rows that are in there.
fn all_hold_what_is_expected(program: &str, files: usize) {
    let folder = tempfile::tempdir().unwrap();
    run_python(program, folder.path());
    let expected = fs::read(folder.path().join("expected")).unwrap();
    let mut read = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("expected") {
            assert!(elements(&path) == expected, "{}", path.display());
            read += 1;
        }
    }
    assert_eq!(read, files);
}

#[test]
fn every_layout_that_h5py_writes() {
    all_hold_what_is_expected(
        r"
import h5py, numpy as np
a = np.random.default_rng(1).standard_normal((517, 33)).astype('<f4')
a.tofile('expected')
layouts = {
    'contiguous': {},
    'chunked': {'chunks': (100, 7)},
    'gzip': {'compression': 'gzip'},
    'shuffled': {'compression': 'gzip', 'compression_opts': 9, 'shuffle': True, 'fletcher32': True},
    'lzf': {'compression': 'lzf', 'chunks': (64, 33)},
    'growing': {'maxshape': (None, 33), 'compression': 'gzip'},
    'one-chunk': {'chunks': (517, 33), 'compression': 'gzip'},
}
for version in ['earliest', 'v108', 'v110', 'v114']:
    for layout, options in layouts.items():
        for kind in ['<f4', '>f4', '<f8']:
            with h5py.File(f'{version}-{layout}-{kind}.hdf5', 'w', libver=version) as file:
                file.create_dataset('test', data=a[:5])
                file.create_dataset('train', data=a.astype(kind), **options)
",
        4 * 7 * 3,
    );
}

/// HDF5 2 has a layout that nobody writes who does not ask for it. The day it is read, this test says so.
#[test]
fn what_cannot_be_read_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    run_python(
        r"
import h5py, numpy as np
with h5py.File('new.hdf5', 'w', libver='latest') as file:
    file.create_dataset('train', data=np.ones((50, 5), '<f4'), compression='gzip')
",
        folder.path(),
    );
    let rows = formats::open(&folder.path().join("new.hdf5"), TRAIN, Doubles::Exact);
    let error = rows.and_then(|rows| rows.read_first(9)).unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("its dataset `train` cannot be read"),
        "{said}"
    );
    assert!(
        said.ends_with("write it anew with h5py's defaults"),
        "{said}"
    );
}

#[test]
fn tables_that_are_larger_than_one_read() {
    all_hold_what_is_expected(
        r"
import h5py, numpy as np
a = np.random.default_rng(2).random((21000, 60), dtype='<f4')
a.tofile('expected')
for name, options in [('contiguous', {}), ('gzip', {'compression': 'gzip'}), ('odd', {'chunks': (999, 13)})]:
    with h5py.File(name + '.h5', 'w') as file:
        file.create_dataset('train', data=a, **options)
",
        3,
    );
}

#[test]
fn the_other_formats() {
    all_hold_what_is_expected(
        r"
import numpy as np
a = np.random.default_rng(3).standard_normal((70, 19)).astype('<f4')
a.tofile('expected')
np.save('f32.npy', a)
np.save('f64.npy', a.astype('<f8'))
np.save('big.npy', a.astype('>f4'))
with open('a.fbin', 'wb') as file:
    np.array(a.shape, '<u4').tofile(file)
    a.tofile(file)
rows = np.zeros((70, 20), '<f4')
rows[:, 0] = np.array([19], '<u4').view('<f4')
rows[:, 1:] = a
rows.tofile('a.fvecs')
",
        5,
    );
}

/// An import rounds, as it does for `.npy`, and takes any dataset of a file.
#[test]
fn hdf5_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    run_python(
        r"
import h5py
with h5py.File('a.hdf5', 'w') as file:
    file['train'] = [[0.1, -0.0], [1e-40, 2.0]]
    file['test'] = [[5.0, 6.0]]
",
        folder.path(),
    );
    let (input, output) = (folder.path().join("a.hdf5"), folder.path().join("a.fvecs"));
    assert_eq!(import(&input, "train", &output).unwrap(), 2);
    let rows = fvecs::read(&output).unwrap();
    let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(rows.row(0)), bits(&[0.1, -0.0]));
    assert_eq!(bits(rows.row(1)), bits(&[1e-40, 2.0]));
    assert_eq!(import(&input, "test", &output).unwrap(), 1);
    assert_eq!(fvecs::read(&output).unwrap().row(0), [5.0, 6.0]);
    let error = import(&input, "tests", &output).unwrap_err().to_string();
    assert!(error.ends_with("it has no dataset `tests`"), "{error}");
}
