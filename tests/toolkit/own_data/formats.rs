// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files as NumPy and h5py write them, read to the bit.

use std::fs::{self, File};
use std::path::Path;

use vexfs::dataset::Matrix;
use vexfs::dataset::formats::{self, Format};
use vexfs::dataset::hdf5::TRAIN;
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
        r#"
import json, numpy as np
a = np.random.default_rng(3).standard_normal((70, 19)).astype('<f4')
a.tofile('expected')
np.save('f32.npy', a)
np.save('f64.npy', a.astype('<f8'))
np.save('big.npy', a.astype('>f4'))
np.save('fortran.npy', np.asfortranarray(a))
np.save('fortran-f64.npy', np.asfortranarray(a.astype('>f8')))
with open('a.fbin', 'wb') as file:
    np.array(a.shape, '<u4').tofile(file)
    a.tofile(file)
def vecs(name, elements):
    with open(name, 'wb') as file:
        for row in elements:
            np.array([len(row)], '<u4').tofile(file)
            row.tofile(file)
vecs('a.fvecs', a)
header = lambda a: '{"v":{"dtype":"F32","shape":[%d,%d],"data_offsets":[0,%d]}}' % (*a.shape, a.nbytes)
with open('a.safetensors', 'wb') as file:
    np.array([len(header(a))], '<u8').tofile(file)
    file.write(header(a).encode())
    a.tofile(file)
with open('a.jsonl', 'w') as file:
    for row in a:
        print(json.dumps([float(x) for x in row]), file=file)
with open('named.ndjson', 'w') as file:
    for number, row in enumerate(a):
        print(json.dumps({'id': number, 'embedding': [float(x) for x in row], 'text': 'x'}) + '\n', file=file)
np.savetxt('a.csv', a, delimiter=',', fmt='%.9g')
np.savetxt('a.tsv', a, delimiter='\t', fmt='%.9g', header='\t'.join('abcdefghijklmnopqrs'), comments='')
"#,
        12,
    );
}

#[test]
fn a_part_is_meant_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let program = r"
import h5py, numpy as np
a = np.random.default_rng(7).standard_normal((20, 5)).astype('<f4')
a.tofile('expected')
with h5py.File('a.h5', 'w') as file:
    file['train'] = a[:3]
    file['texts/embeddings'] = a.astype('>f8')
    file['texts/old/embeddings'] = a[:4]
with h5py.File('linked.h5', 'w') as file:
    file['texts/embeddings'] = a
    file['train'] = h5py.SoftLink('/texts/embeddings')
np.savez('a.npz', embeddings=a, old=a[:4])
with open('not.npz', 'wb') as file:
    file.write(open('a.npz', 'rb').read()[:-30])
";
    run_python(program, folder.path());
    let expected = fs::read(folder.path().join("expected")).unwrap();
    let read = |file: &str, name: Option<&str>| {
        let path = folder.path().join(file);
        let format = Format::of(&path).unwrap();
        let rows = formats::open_as(
            format,
            File::open(&path).unwrap(),
            &path,
            name,
            Doubles::Exact,
        );
        let rows = rows.and_then(|rows| rows.read_first(usize::MAX));
        let bytes = |rows: Matrix| {
            rows.iter()
                .flat_map(bytemuck::cast_slice::<f32, u8>)
                .copied()
                .collect::<Vec<_>>()
        };
        rows.map(bytes).map_err(|error| error.to_string())
    };
    for (file, name) in [
        ("a.h5", "texts/embeddings"),
        ("a.h5", "/texts/embeddings"),
        ("linked.h5", "texts/embeddings"),
        ("a.npz", "embeddings"),
    ] {
        assert!(
            read(file, Some(name)).unwrap() == expected,
            "{file}: {name}"
        );
    }
    for (file, name, sentence) in [
        (
            "a.h5",
            Some("none"),
            "it has no dataset `none`, but train, texts/embeddings, texts/old/embeddings",
        ),
        (
            "a.npz",
            Some("none"),
            "it has no array `none`, but embeddings, old",
        ),
        (
            "a.npz",
            None,
            "it has several arrays with two axes: name one by `vexfs dataset import --dataset NAME`, of embeddings, old",
        ),
        ("not.npz", None, "it cannot be read as a ZIP file"),
        (
            "linked.h5",
            Some("train"),
            "`train` is no dataset of it that can be read, and its datasets cannot be listed, as where one of them is a link",
        ),
    ] {
        let said = read(file, name).unwrap_err();
        assert!(said.starts_with(sentence), "{said}");
    }
}

/// Small integers, which every type of element holds.
#[test]
fn every_type_of_element() {
    all_hold_what_is_expected(
        r"
import h5py, numpy as np
a = np.random.default_rng(6).integers(0, 128, (40, 7))
a.astype('<f4').tofile('expected')
np.savez('one.npz', a)
np.savez_compressed('two.npz', ids=np.arange(40), vectors=a, one=np.float32(1))
for kind in ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8']:
    for order in '<>':
        np.save(f'{order}{kind}.npy', a.astype(order + kind))
        with h5py.File(f'{order}{kind}.h5', 'w') as file:
            file.create_dataset('train', data=a.astype(order + kind), chunks=(16, 7), compression='gzip')
    np.save(f'fortran-{kind}.npy', np.asfortranarray(a.astype(kind)))
def vecs(name, kind):
    with open(name, 'wb') as file:
        for row in a:
            np.array([len(row)], '<u4').tofile(file)
            row.astype(kind).tofile(file)
vecs('a.bvecs', 'u1')
vecs('a.ivecs', '<i4')
for name, kind in [('a.f16bin', '<f2'), ('a.u8bin', 'u1'), ('a.i8bin', 'i1')]:
    with open(name, 'wb') as file:
        np.array(a.shape, '<u4').tofile(file)
        a.astype(kind).tofile(file)
bfloat = (a.astype('<f4').view('<u4') >> 16).astype('<u2')
for name, kind, array in [('BF16', 'BF16', bfloat), ('F16', 'F16', a.astype('<f2')), ('I64', 'I64', a.astype('<i8'))]:
    header = '{\x22v\x22:{\x22dtype\x22:\x22%s\x22,\x22shape\x22:[40,7],\x22data_offsets\x22:[0,%d]}}' % (kind, array.nbytes)
    with open(name + '.safetensors', 'wb') as file:
        np.array([len(header)], '<u8').tofile(file)
        file.write(header.encode())
        array.tofile(file)
",
        11 * 5 + 2 + 2 + 3 + 3,
    );
}
