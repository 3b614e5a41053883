// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replies of the FUSE protocol: each tells the kernel what an operation resulted in, or its errno.

use std::io;
use std::time::Duration;

use fuser::{
    FileAttr, Generation, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
};
use rustix::fs::StatVfs;

use super::operations::Opened;

/// The generation of every node. A node number is never in use for two inodes at once, so that generations are not
/// needed.
const GENERATION: Generation = Generation(0);

pub(super) fn done(result: io::Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

/// The kernel may cache name and attributes for `cached`.
pub(super) fn entry(result: io::Result<FileAttr>, cached: Duration, reply: ReplyEntry) {
    match result {
        Ok(attributes) => reply.entry(&cached, &attributes, GENERATION),
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn attributes(result: io::Result<FileAttr>, cached: Duration, reply: ReplyAttr) {
    match result {
        Ok(attributes) => reply.attr(&cached, &attributes),
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn created(
    result: io::Result<(FileAttr, Opened)>,
    cached: Duration,
    reply: ReplyCreate,
) {
    match result {
        Ok((attributes, opened)) => {
            let Opened {
                handle, options, ..
            } = opened;
            match &opened.backing {
                Some(backing) => reply.created_passthrough(
                    &cached,
                    &attributes,
                    GENERATION,
                    handle,
                    options,
                    backing,
                ),
                None => reply.created(&cached, &attributes, GENERATION, handle, options),
            }
        }
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn opened(result: io::Result<Opened>, reply: ReplyOpen) {
    match result {
        Ok(opened) => match &opened.backing {
            Some(backing) => reply.opened_passthrough(opened.handle, opened.options, backing),
            None => reply.opened(opened.handle, opened.options),
        },
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn data(result: io::Result<Vec<u8>>, reply: ReplyData) {
    match result {
        Ok(data) => reply.data(&data),
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn written(result: io::Result<u32>, reply: ReplyWrite) {
    match result {
        Ok(count) => reply.written(count),
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn position(result: io::Result<u64>, reply: ReplyLseek) {
    match result {
        Ok(position) => reply.offset(position as i64),
        Err(error) => reply.error(error.into()),
    }
}

/// Replies with the entries that `fill` adds.
pub(super) fn entries(
    mut reply: ReplyDirectory,
    fill: impl FnOnce(&mut ReplyDirectory) -> io::Result<()>,
) {
    match fill(&mut reply) {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

/// Replies with a value of at most `size` bytes, or with its length alone where `size` is 0. `fill` gets the room that
/// there is and returns the length.
pub(super) fn xattr(
    size: u32,
    reply: ReplyXattr,
    fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) {
    let mut value = vec![0; size as usize];
    match fill(&mut value) {
        Ok(length) if size == 0 => reply.size(length as u32),
        Ok(length) => reply.data(&value[..length]),
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn space(result: io::Result<StatVfs>, reply: ReplyStatfs) {
    match result {
        Ok(stat) => reply.statfs(
            stat.f_blocks,
            stat.f_bfree,
            stat.f_bavail,
            stat.f_files,
            stat.f_ffree,
            stat.f_bsize as u32,
            stat.f_namemax as u32,
            stat.f_frsize as u32,
        ),
        Err(error) => reply.error(error.into()),
    }
}

pub(super) fn ioctl(result: io::Result<Vec<u8>>, reply: ReplyIoctl) {
    match result {
        Ok(answer) => reply.ioctl(0, &answer),
        Err(error) => reply.error(error.into()),
    }
}
