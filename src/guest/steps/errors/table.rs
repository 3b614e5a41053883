// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked of files that are open for reading, and what must be answered: in the order of the table in
//! `docs/abi.md`.

use super::files::{GOOD, ROWS};
use super::request::{
    RawRequest, SIZE, batch, filter_part, header, info, longer_query, part, query, valid,
};
use crate::store::abi::{
    Batch, DIM_INLINE, DIM_MAX, EFFORT_MAX, FILTER_WORDS_MAX, FilterPart, K_MAX, KIND_HNSW,
    KIND_IVF, KIND_PQ, METRIC_COSINE, METRIC_IP, QueryPart, SEARCH_FILTERED, SEARCH_SENT, Search,
    ioc_batch,
};

pub struct Asked {
    pub file: &'static str,
    pub expected: &'static str,
    pub name: &'static str,
    pub request: RawRequest,
}

pub fn asked() -> Vec<Asked> {
    let ask = || info(|_| ());
    // Bits of a command word: of its number, its type, its size and its direction.
    let (number, kind, size, direction) = (1 << 2, 1 << 8, 1 << 16, 1 << 30);
    vec![
        good("ok", "a valid search", valid()),
        hnsw("ok", "a valid search by an index", |_| ()),
        good(
            "ok",
            "a flat search for the inner product",
            of_metric(METRIC_IP),
        ),
        good(
            "ok",
            "a flat search for the cosine",
            of_metric(METRIC_COSINE),
        ),
        indexed("appended.fvecs", "ok", "rows that no index covers"),
        good("ok", "a valid question for information", ask()),
        of(
            "corrupt.fvecs",
            "ok",
            "information beside a malformed index",
            ask(),
        ),
        of("empty.fvecs", "ok", "information about no rows", ask()),
        // 1
        good("ENOTTY", "an ioctl of another type", valid().flipping(kind)),
        good("ENOTTY", "an unknown number", valid().flipping(number)),
        good("ENOTTY", "another direction", valid().flipping(direction)),
        good("ENOTTY", "a question's size", ask().flipping(size)),
        of("notes.txt", "ENOTTY", "a file of another name", valid()),
        of(".fvecs", "ENOTTY", "a name that is only a suffix", valid()),
        of("dir.fvecs", "ENOTTY", "a directory", valid()),
        // 3, 5
        good("EINVAL", "no room for the header", valid().announcing(63)),
        good("EINVAL", "a flag", header(|h| h.flags = 4)),
        good("EINVAL", "no number", header(|h| h.flags = SEARCH_SENT)),
        good("EINVAL", "no filter", header(|h| h.flags = SEARCH_FILTERED)),
        good("EINVAL", "count on the way in", header(|h| h.count = 1)),
        good("EINVAL", "a filter alone", header(|h| h.filter = 1 << 31)),
        good("EINVAL", "rows on the way in", header(|h| h.rows = 1)),
        good("EINVAL", "a generation", header(|h| h.generation = 1)),
        good("EINVAL", "evaluated", header(|h| h.evaluated = 1)),
        good("EINVAL", "a number alone", header(|h| h.query = 1 << 63)),
        good("EINVAL", "a question's flag", info(|i| i.flags = 1)),
        good("EINVAL", "a question's rows", info(|i| i.rows = 1)),
        good("EINVAL", "a question's end", info(|i| i.index[7].rows = 1)),
        // 6, 7
        good("EINVAL", "k is 0", header(|h| h.k = 0)),
        good("EINVAL", "k above the limit", header(|h| h.k = K_MAX + 1)),
        good("EINVAL", "dimension 0", header(|h| h.dim = 0)),
        good("EINVAL", "a long query", header(|h| h.dim = DIM_INLINE + 1)),
        good("EINVAL", "a longer query", sent(|h| h.dim = DIM_MAX + 1)),
        good("EINVAL", "too many bytes", valid().announcing(SIZE + 4)),
        good("EINVAL", "too few bytes", valid().announcing(SIZE - 4)),
        // 8, 9, 10
        good("EOPNOTSUPP", "an unknown kind", header(|h| h.kind = 99)),
        good("EOPNOTSUPP", "an unknown metric", header(|h| h.metric = 99)),
        good("EINVAL", "effort of flat", header(|h| h.effort = 1)),
        hnsw("EINVAL", "effort above the limit", |h| {
            h.effort = EFFORT_MAX + 1
        }),
        hnsw("ok", "effort at the limit", |h| h.effort = EFFORT_MAX),
        good("EDOM", "a NaN in the query", query(|q| q[3] = f32::NAN)),
        good("EDOM", "an infinity", query(|q| q[0] = f32::NEG_INFINITY)),
        good("ECANCELED", "a query that was not sent", sent(|_| ())),
        good("ECANCELED", "a filter that was not sent", filtered()),
        // 12
        of("truncated.fvecs", "EBADMSG", "a truncated row", valid()),
        of("stub.fvecs", "EBADMSG", "a truncated dimension", valid()),
        of("zero.fvecs", "EBADMSG", "a row of dimension 0", valid()),
        of("huge.fvecs", "EBADMSG", "a row that is too long", valid()),
        of("changes.fvecs", "EBADMSG", "a changing dimension", valid()),
        of(
            "other.fvecs",
            "EBADMSG",
            "another dimension, and no more bytes",
            valid(),
        ),
        of("nan.fvecs", "EBADMSG", "a NaN in a row", valid()),
        of("infinite.fvecs", "EBADMSG", "an infinity in a row", valid()),
        of("nan.fvecs", "EBADMSG", "a question about it", ask()),
        of("endless.fvecs", "EFBIG", "too many rows", valid()),
        // 13, 14
        good("EMSGSIZE", "another dimension", longer_query(|_| ())),
        good("ERANGE", "k above the rows", header(|h| h.k = ROWS + 1)),
        of("empty.fvecs", "ERANGE", "a search in no rows", valid()),
        // 15
        indexed("changes.fvecs", "EBADMSG", "no rows and no index"),
        indexed("renamed.fvecs", "ENODATA", "no index"),
        indexed("link.fvecs", "ENODATA", "a symbolic link to an index"),
        indexed("folder.fvecs", "ENODATA", "a directory for an index"),
        hnsw("ENODATA", "an index for another metric", |h| {
            h.metric = METRIC_COSINE
        }),
        good(
            "ENODATA",
            "no index of this kind",
            header(|h| h.kind = KIND_PQ),
        ),
        // 17
        indexed("corrupt.fvecs", "EUCLEAN", "a wrong byte in the index"),
        indexed(
            "damaged.fvecs",
            "EUCLEAN",
            "a wrong bit in a float of the index",
        ),
        indexed("cut.fvecs", "EUCLEAN", "a truncated index"),
        indexed("wide.fvecs", "EUCLEAN", "an index of another dimension"),
        of(
            "renamed.fvecs",
            "EUCLEAN",
            "an index of another kind",
            header(|h| h.kind = KIND_IVF),
        ),
        // 18
        indexed("changed.fvecs", "ESTALE", "other rows than the index's"),
        indexed("fewer.fvecs", "ESTALE", "fewer rows than the index's"),
        of("changed.fvecs", "ok", "flat beside a stale index", valid()),
        of(
            "corrupt.fvecs",
            "ok",
            "flat beside a malformed index",
            valid(),
        ),
        // Batches
        good("ok", "a valid batch", batch(|_, _| ())),
        of(
            "notes.txt",
            "ENOTTY",
            "a batch in no vectors",
            batch(|_, _| ()),
        ),
        good(
            "EINVAL",
            "no room for a batch's header",
            as_batch(valid().announcing(71)),
        ),
        good("EINVAL", "a batch of none", of_batch(|b| b.queries = 0)),
        good("EINVAL", "a batch of more", of_batch(|b| b.queries = 3)),
        good(
            "EINVAL",
            "a batch of far too many",
            of_batch(|b| b.queries = u32::MAX),
        ),
        good("EINVAL", "a batch's end", of_batch(|b| b.reserved = 1)),
        good(
            "EINVAL",
            "a batch's count",
            of_batch(|b| b.search.count = 1),
        ),
        good(
            "EINVAL",
            "a batch of a query that was sent",
            of_batch(|b| (b.search.flags, b.search.query) = (SEARCH_SENT, 1)),
        ),
        good(
            "EOPNOTSUPP",
            "a batch by an unknown kind",
            of_batch(|b| b.search.kind = 99),
        ),
        good(
            "EDOM",
            "a NaN in the last query of a batch",
            batch(|_, queries| *queries.last_mut().expect("two queries") = f32::NAN),
        ),
        good(
            "ECANCELED",
            "a batch for a filter that was not sent",
            of_batch(|b| (b.search.flags, b.search.filter) = (SEARCH_FILTERED, 2)),
        ),
        of("nan.fvecs", "EBADMSG", "a batch in a NaN", batch(|_, _| ())),
        of(
            "empty.fvecs",
            "ERANGE",
            "a batch in no rows",
            batch(|_, _| ()),
        ),
        of(
            "changed.fvecs",
            "ESTALE",
            "a batch by a stale index",
            of_batch(|b| b.search.kind = KIND_HNSW),
        ),
        // Parts of a query
        good("ok", "a part of a query", part(|_, _| ())),
        of(
            "notes.txt",
            "ENOTTY",
            "a part for no vectors",
            part(|_, _| ()),
        ),
        good("EINVAL", "a part of no query", of_part(|p| p.query = 0)),
        good("EINVAL", "a part's flag", of_part(|p| p.flags = 1)),
        good("EINVAL", "a part's end", of_part(|p| p.reserved = 1)),
        good("EINVAL", "a part of no elements", of_part(|p| p.dim = 0)),
        good(
            "EINVAL",
            "a part of too many",
            of_part(|p| p.dim = DIM_MAX + 1),
        ),
        good(
            "EINVAL",
            "an empty part",
            part(|p, elements| {
                p.count = 0;
                elements.clear();
            }),
        ),
        good(
            "EINVAL",
            "a part beyond the end",
            of_part(|p| p.start = p.dim - 1),
        ),
        good(
            "EINVAL",
            "a part that wraps around",
            of_part(|p| p.start = u32::MAX),
        ),
        good(
            "EINVAL",
            "a part of other bytes",
            part(|_, elements| elements.push(0.5)),
        ),
        good(
            "EDOM",
            "a NaN in a part",
            part(|_, elements| elements[1] = f32::NAN),
        ),
        good(
            "ECANCELED",
            "a part without a start",
            of_part(|p| p.start = 1),
        ),
        // Parts of a filter
        good("ok", "a part of a filter", filter_part(|_, _| ())),
        of(
            "notes.txt",
            "ENOTTY",
            "a part of a filter for no vectors",
            filter_part(|_, _| ()),
        ),
        good("EINVAL", "a part of no filter", of_filter(|p| p.filter = 0)),
        good("EINVAL", "a filter's flag", of_filter(|p| p.flags = 1)),
        good("EINVAL", "a filter's end", of_filter(|p| p.reserved[2] = 1)),
        good("EINVAL", "a filter of no words", of_filter(|p| p.words = 0)),
        good(
            "EINVAL",
            "a filter of too many",
            of_filter(|p| p.words = FILTER_WORDS_MAX + 1),
        ),
        good(
            "EINVAL",
            "an empty part of a filter",
            filter_part(|p, words| {
                p.count = 0;
                words.clear();
            }),
        ),
        good(
            "EINVAL",
            "words beyond the end",
            of_filter(|p| p.start = p.words - 1),
        ),
        good(
            "EINVAL",
            "words that wrap around",
            of_filter(|p| p.start = u32::MAX),
        ),
        good(
            "EINVAL",
            "a part of other words",
            filter_part(|_, words| words.push(0)),
        ),
        good(
            "ECANCELED",
            "words without a start",
            of_filter(|p| p.start = 1),
        ),
        // Two faults at once: the first in the table is told.
        good(
            "EINVAL",
            "k before kind",
            header(|h| (h.k, h.kind) = (0, 99)),
        ),
        good(
            "EOPNOTSUPP",
            "kind before effort",
            header(|h| (h.kind, h.effort) = (99, 1)),
        ),
        hnsw("EOPNOTSUPP", "metric before effort", |h| {
            (h.metric, h.effort) = (99, EFFORT_MAX + 1)
        }),
        indexed("nan.fvecs", "EBADMSG", "rows before index"),
        indexed("empty.fvecs", "ERANGE", "k before a stale index"),
        of(
            "corrupt.fvecs",
            "ENODATA",
            "metric before a malformed index",
            header(|h| (h.kind, h.metric) = (KIND_HNSW, METRIC_IP)),
        ),
        of(
            "nan.fvecs",
            "EDOM",
            "query before file",
            query(|q| q[0] = f32::NAN),
        ),
        of(
            "nan.fvecs",
            "EBADMSG",
            "file before dimension",
            longer_query(|_| ()),
        ),
        of("nan.fvecs", "ECANCELED", "filter before file", filtered()),
        good(
            "EMSGSIZE",
            "dimension before rows",
            longer_query(|h| h.k = ROWS + 1),
        ),
    ]
}

fn good(expected: &'static str, name: &'static str, request: RawRequest) -> Asked {
    of(GOOD, expected, name, request)
}

/// A search of `good.fvecs` by its index, valid except for what `change` does to the header.
fn hnsw(expected: &'static str, name: &'static str, change: impl FnOnce(&mut Search)) -> Asked {
    let by_index = header(|h| {
        h.kind = KIND_HNSW;
        change(h);
    });
    good(expected, name, by_index)
}

/// A search of `good.fvecs` for a query that was sent, valid except for what `change` does to the header.
fn sent(change: impl FnOnce(&mut Search)) -> RawRequest {
    header(|h| {
        (h.flags, h.query) = (SEARCH_SENT, 1);
        change(h);
    })
}

/// A search of `good.fvecs` that keeps to a filter.
fn filtered() -> RawRequest {
    header(|h| (h.flags, h.filter) = (SEARCH_FILTERED, 1))
}

fn of_filter(change: impl FnOnce(&mut FilterPart)) -> RawRequest {
    filter_part(|header, _| change(header))
}

fn of_batch(change: impl FnOnce(&mut Batch)) -> RawRequest {
    batch(|header, _| change(header))
}

/// Puts the bytes of a request under the command word of a batch.
fn as_batch(mut request: RawRequest) -> RawRequest {
    let size = (request.command >> 16 & 0x3fff) as usize;
    request.command = ioc_batch(size);
    request
}

fn of_part(change: impl FnOnce(&mut QueryPart)) -> RawRequest {
    part(|header, _| change(header))
}

/// A search of a file by its index.
fn indexed(file: &'static str, expected: &'static str, name: &'static str) -> Asked {
    Asked {
        file,
        ..hnsw(expected, name, |_| ())
    }
}

fn of_metric(metric: u32) -> RawRequest {
    header(|h| h.metric = metric)
}

fn of(
    file: &'static str,
    expected: &'static str,
    name: &'static str,
    request: RawRequest,
) -> Asked {
    Asked {
        file,
        expected,
        name,
        request,
    }
}
