// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of the search ABI, good and bad. The client refuses to send the bad ones, so they are sent from here.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use crate::protocol::errno_name;
use crate::store::abi::{self, Batch, FilterPart, Hit, Info, QueryPart, Search};

/// The dimension of a valid query and the number of hits that it asks for.
pub const DIM: u32 = 4;
pub const K: u32 = 3;

/// The bytes of a valid search: the hits take more than the query.
pub const SIZE: usize = size_of::<Search>() + K as usize * size_of::<Hit>();

/// An ioctl: the command word and the bytes that it points to.
#[derive(Clone)]
pub struct RawRequest {
    pub command: u32,
    pub bytes: Vec<u8>,
}

/// A search that is valid, except for what `change` does to its header and its query.
pub fn search(change: impl FnOnce(&mut Search, &mut Vec<f32>)) -> RawRequest {
    let mut header = Search {
        kind: abi::KIND_FLAT,
        metric: abi::METRIC_L2,
        dim: DIM,
        k: K,
        ..Search::default()
    };
    let mut query = vec![0.5; DIM as usize];
    change(&mut header, &mut query);
    let inline = if header.flags & abi::SEARCH_SENT != 0 {
        0
    } else {
        header.dim
    };
    let size = abi::search_bytes(inline as usize, header.k as usize);
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(&query));
    bytes.resize(size, 0);
    RawRequest {
        command: abi::ioc_search(size),
        bytes,
    }
}

pub fn valid() -> RawRequest {
    search(|_, _| ())
}

pub fn header(change: impl FnOnce(&mut Search)) -> RawRequest {
    search(|header, _| change(header))
}

pub fn query(change: impl FnOnce(&mut Vec<f32>)) -> RawRequest {
    search(|_, query| change(query))
}

/// A search whose query has one element more than the files' rows.
pub fn longer_query(change: impl FnOnce(&mut Search)) -> RawRequest {
    search(|header, query| {
        header.dim += 1;
        query.push(0.5);
        change(header);
    })
}

/// A batch of two searches that is valid, except for what `change` does to its header and its queries.
pub fn batch(change: impl FnOnce(&mut Batch, &mut Vec<f32>)) -> RawRequest {
    let mut header = Batch {
        search: Search {
            kind: abi::KIND_FLAT,
            metric: abi::METRIC_L2,
            dim: DIM,
            k: K,
            ..Search::default()
        },
        queries: 2,
        ..Batch::default()
    };
    let size = abi::batch_bytes(2, DIM as usize, K as usize);
    let mut queries = vec![0.5; 2 * DIM as usize];
    change(&mut header, &mut queries);
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(&queries));
    bytes.resize(size, 0);
    RawRequest {
        command: abi::ioc_batch(size),
        bytes,
    }
}

/// The first part of a query of two, valid except for what `change` does to it.
pub fn part(change: impl FnOnce(&mut QueryPart, &mut Vec<f32>)) -> RawRequest {
    let mut header = QueryPart {
        query: 1,
        dim: 2 * DIM,
        count: DIM,
        ..QueryPart::default()
    };
    let mut elements = vec![0.5; DIM as usize];
    change(&mut header, &mut elements);
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(&elements));
    RawRequest {
        command: abi::ioc_query(bytes.len()),
        bytes,
    }
}

/// The first part of a filter of two, valid except for what `change` does to it.
pub fn filter_part(change: impl FnOnce(&mut FilterPart, &mut Vec<u64>)) -> RawRequest {
    let mut header = FilterPart {
        filter: 1,
        words: 4,
        count: 2,
        ..FilterPart::default()
    };
    let mut words = vec![u64::MAX; 2];
    change(&mut header, &mut words);
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(&words));
    RawRequest {
        command: abi::ioc_filter(bytes.len()),
        bytes,
    }
}

/// A question for information that is valid, except for what `change` does to it.
pub fn info(change: impl FnOnce(&mut Info)) -> RawRequest {
    let mut info = Info::default();
    change(&mut info);
    RawRequest {
        command: abi::IOC_INFO,
        bytes: bytemuck::bytes_of(&info).to_vec(),
    }
}

impl RawRequest {
    /// Puts the request's bytes under a command word that announces `size` of them.
    pub fn announcing(mut self, size: usize) -> Self {
        self.command = abi::ioc_search(size);
        self.bytes.resize(size.max(self.bytes.len()), 0);
        self
    }

    /// Puts the request's bytes under a command word with these bits flipped.
    pub fn flipping(mut self, bits: u32) -> Self {
        self.command ^= bits;
        let announced = (self.command >> 16 & 0x3fff) as usize;
        self.bytes.resize(announced.max(self.bytes.len()), 0);
        self
    }

    /// Sends the request and returns what the driver answers: an errno's name, or `ok`.
    pub fn send(mut self, file: &File) -> String {
        let address = self.bytes.as_mut_ptr().expose_provenance();
        self.send_from(file, address)
    }

    /// Sends the request with a buffer that this process cannot read.
    pub fn send_from_nowhere(&self, file: &File) -> String {
        self.send_from(file, 8)
    }

    /// Sends the request with a buffer that this process cannot write.
    pub fn send_from_read_only_memory(&self, file: &File) -> Result<String> {
        let length = NonZeroUsize::new(self.bytes.len()).context("an empty request")?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping that is long enough, written before it becomes read-only and unmapped once.
        unsafe {
            let memory = mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE)?;
            memory
                .cast::<u8>()
                .copy_from_nonoverlapping((&self.bytes[0]).into(), length.get());
            mprotect(memory, length.get(), ProtFlags::PROT_READ)?;
            let answer = self.send_from(file, memory.as_ptr().expose_provenance());
            munmap(memory, length.get())?;
            Ok(answer)
        }
    }

    fn send_from(&self, file: &File, address: usize) -> String {
        let command = libc::Ioctl::from(self.command);
        // SAFETY: a driver touches no more bytes than the command word announces, and the buffer has as many; the kernel checks
        // an address that is none of this process's.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), command, address) };
        Errno::result(result).map_or_else(errno_name, |_| "ok".to_owned())
    }
}
