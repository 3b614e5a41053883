// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lines of NumPy in `docs/workloads.md` give the bytes that VexFS generates. `tests/requirements.txt` has the
//! NumPy that is needed.

use std::fs;
use std::path::Path;

use vexfs::dataset::workload::{Name, Vectors, Workload};
use vexfs::dataset::{Matrix, formats, hash};

use crate::python::run_python;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documented() -> String {
    fs::read_to_string(root().join("docs/workloads.md")).unwrap()
}

/// The Python in the section of `docs/workloads.md` on this workload.
fn lines_of_numpy(section: &str) -> String {
    let document = documented();
    let section = document
        .split("\n## ")
        .find_map(|part| part.strip_prefix(section))
        .expect("a section of the document");
    let (_, code) = section
        .split_once("```python\n")
        .expect("Python in the section");
    code.split("```").next().unwrap().to_owned()
}

fn as_numpy_has_it(section: &str, workload: Workload) {
    let Workload {
        seed,
        rows,
        dim,
        queries,
        ..
    } = workload;
    let lines = lines_of_numpy(section);
    let folder = tempfile::tempdir().unwrap();
    run_python(
        &format!(
            "seed, rows, dim, queries = {seed}, {rows}, {dim}, {queries}\n{lines}\n\
             vectors.astype('<f4').tofile('vectors')\nqueries.astype('<f4').tofile('queries')\n"
        ),
        folder.path(),
    );
    let Vectors { vectors, queries } = workload.generate().unwrap();
    for (name, ours) in [("vectors", vectors), ("queries", queries)] {
        let ours: Vec<u8> = ours
            .iter()
            .flat_map(bytemuck::cast_slice::<f32, u8>)
            .copied()
            .collect();
        assert!(
            fs::read(folder.path().join(name)).unwrap() == ours,
            "{name} of {workload:?} differ from NumPy's"
        );
    }
}

#[test]
fn inherited() {
    let usual = Workload::new(Name::Inherited);
    as_numpy_has_it("inherited", usual);
    as_numpy_has_it(
        "inherited",
        Workload {
            seed: u32::MAX.into(),
            rows: 33,
            dim: 7,
            queries: 1,
            ..usual
        },
    );
}

#[test]
fn clustered() {
    let usual = Workload::new(Name::Clustered);
    as_numpy_has_it("clustered", usual);
    as_numpy_has_it(
        "clustered",
        Workload {
            seed: 0,
            rows: 99,
            dim: 3,
            queries: 250,
            ..usual
        },
    );
    as_numpy_has_it(
        "clustered",
        Workload {
            seed: u64::MAX - 1,
            rows: 5000,
            dim: 17,
            queries: 3,
            ..usual
        },
    );
}

#[test]
fn the_documented_hashes_are_those_of_the_workloads() {
    for name in [Name::Inherited, Name::Clustered] {
        let Vectors { vectors, queries } = Workload::new(name).generate().unwrap();
        for (rows, matrix) in [("vectors", vectors), ("queries", queries)] {
            let line = format!("| {rows} | `{}` |", hash::rows(&matrix));
            assert!(
                documented().contains(&line),
                "docs/workloads.md lacks, for {name:?}: {line}"
            );
        }
    }
}

/// Arrays as NumPy itself saves them.
#[test]
fn npy_is_read() {
    let folder = tempfile::tempdir().unwrap();
    run_python(
        "import numpy as np\n\
         a = np.array([[0.1, -0.0, 1e-40], [3, 4, 5]])\n\
         np.save('f64.npy', a)\n\
         np.save('f32.npy', a.astype('<f4'))\n\
         np.save('fortran.npy', np.asfortranarray(a))\n\
         np.save('complex.npy', a.astype('<c8'))\n\
         np.save('flat.npy', a[0])\n\
         np.save('nan.npy', np.array([[1.0], [np.nan]]))\n\
         np.save('overflow.npy', np.array([[1e39]]))\n\
         np.save('wide.npy', np.zeros((1, 65537)))\n\
         whole = open('f32.npy', 'rb').read()\n\
         open('short.npy', 'wb').write(whole[:-1])\n",
        folder.path(),
    );
    let read = |name: &str| formats::read(&folder.path().join(name));

    let mut expected = Matrix::new(3);
    expected.push(&[0.1, -0.0, 1e-40]);
    expected.push(&[3.0, 4.0, 5.0]);
    for name in ["f64.npy", "f32.npy", "fortran.npy"] {
        assert!(read(name).unwrap().same_bits(&expected), "{name}");
    }

    for (name, reason) in [
        (
            "complex.npy",
            "floats and integers of 8 to 64 bits are read",
        ),
        ("flat.npy", "two are needed"),
        ("nan.npy", "row 1: element 0 is not a number (NaN)"),
        ("overflow.npy", "row 0: element 0 is infinite"),
        ("wide.npy", "row 0: its dimension is 65537"),
        ("short.npy", "the rest is missing"),
    ] {
        let message = read(name).unwrap_err().to_string();
        assert!(
            message.contains(name) && message.contains(reason),
            "{message}"
        );
    }
}
