// SPDX-License-Identifier: MIT OR Apache-2.0
//! The partition table, and a part of a disk as a disk of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use anyhow::Result;
use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use gpt::partition::Partition;
use gpt::partition_types::{BASIC, EFI, Type};
use uuid::Uuid;

const MIB: u64 = 1 << 20;

/// The size of a sector, in the partition table.
const SECTOR: u64 = 512;

/// The names of an image's disk and its parts: GUIDs, and serial numbers of the filesystems. They follow from what the
/// image holds, so that equal images are equal to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    disk: Uuid,
    esp: Uuid,
    pub data: Uuid,
    pub esp_serial: u32,
    pub data_serial: u32,
}

impl Identity {
    /// Derives the names from `seed`, which stands for all that the image holds.
    pub fn derive(seed: &str) -> Identity {
        let bytes = |part| -> [u8; 16] {
            let key = blake3::derive_key(&format!("VexFS image, {part}"), seed.as_bytes());
            key[..16].try_into().expect("a key has 32 bytes")
        };
        let guid = |part| uuid::Builder::from_custom_bytes(bytes(part)).into_uuid();
        let serial = |part| u128::from_le_bytes(bytes(part)) as u32;
        Identity {
            disk: guid("disk"),
            esp: guid("EFI system partition"),
            data: guid("data partition"),
            esp_serial: serial("serial number of the EFI system partition"),
            data_serial: serial("serial number of the data partition"),
        }
    }
}

/// Where the two partitions lie, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    esp: Extent,
    data: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    start: u64,
    length: u64,
}

impl Layout {
    /// Lays out partitions of at least these sizes. The first and the last MiB are the table's, and everything is
    /// aligned to a MiB.
    pub fn new(esp: u64, data: u64) -> Layout {
        let esp = Extent {
            start: MIB,
            length: esp.next_multiple_of(MIB),
        };
        let data = Extent {
            start: esp.start + esp.length,
            length: data.next_multiple_of(MIB),
        };
        Layout { esp, data }
    }

    fn size(&self) -> u64 {
        self.data.start + self.data.length + MIB
    }

    /// Makes `file` a disk of this layout; whatever was in it is gone.
    pub fn write(&self, file: &File, identity: Identity) -> Result<()> {
        file.set_len(0)?;
        file.set_len(self.size())?;
        let mut table = GptConfig::new()
            .writable(true)
            .create_from_device(file.try_clone()?, Some(identity.disk))?;
        let partition = |name: &str, kind: Type, guid, extent: Extent| Partition {
            part_type_guid: kind,
            part_guid: guid,
            first_lba: extent.start / SECTOR,
            last_lba: (extent.start + extent.length) / SECTOR - 1,
            flags: 0,
            name: name.to_owned(),
        };
        table.update_partitions(BTreeMap::from([
            (1, partition("VexFS boot", EFI, identity.esp, self.esp)),
            // Of this type, because every system then shows it to a person who looks.
            (
                2,
                partition("VexFS results", BASIC, identity.data, self.data),
            ),
        ]))?;
        table.write()?;
        let size = u32::try_from(self.size() / SECTOR - 1).unwrap_or(u32::MAX);
        gpt::mbr::ProtectiveMBR::with_lb_size(size).overwrite_lba0(&mut file.try_clone()?)?;
        Ok(())
    }

    pub fn esp<'a>(&self, disk: &'a File) -> Slice<'a> {
        Slice::new(disk, self.esp)
    }

    pub fn data<'a>(&self, disk: &'a File) -> Slice<'a> {
        Slice::new(disk, self.data)
    }

    /// Reads the table of `disk`. None if it has no table, or no partitions of an image. If `data` is given, only the
    /// image with that data partition is found.
    pub fn find(disk: &File, data: Option<Uuid>) -> Option<Layout> {
        let size = LogicalBlockSize::Lb512;
        let table = GptConfig::new()
            .logical_block_size(size)
            .open_from_device(disk.try_clone().ok()?)
            .ok()?;
        let extent = |kind: &Type, guid: Option<Uuid>| {
            let partition = table.partitions().values().find(|partition| {
                partition.part_type_guid == *kind
                    && guid.is_none_or(|guid| partition.part_guid == guid)
            })?;
            Some(Extent {
                start: partition.bytes_start(size).ok()?,
                length: partition.bytes_len(size).ok()?,
            })
        };
        Some(Layout {
            esp: extent(&EFI, None)?,
            data: extent(&BASIC, data)?,
        })
    }
}

/// A part of a disk, read and written as if it were all there is. What was flushed is on the disk.
#[derive(Debug)]
pub struct Slice<'a> {
    disk: &'a File,
    extent: Extent,
    position: u64,
}

impl<'a> Slice<'a> {
    fn new(disk: &'a File, extent: Extent) -> Slice<'a> {
        Slice {
            disk,
            extent,
            position: 0,
        }
    }

    pub fn disk(&self) -> &'a File {
        self.disk
    }

    /// Where the part begins on the disk, in bytes.
    pub fn offset(&self) -> u64 {
        self.extent.start
    }

    pub fn length(&self) -> u64 {
        self.extent.length
    }

    /// How much of `wanted` bytes is there from the position on.
    fn left(&self, wanted: usize) -> usize {
        let left = self.extent.length.saturating_sub(self.position);
        wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    fn moved(&mut self, count: usize) -> usize {
        self.position += count as u64;
        count
    }
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.left(buffer.len());
        let at = self.extent.start + self.position;
        let count = self.disk.read_at(&mut buffer[..length], at)?;
        Ok(self.moved(count))
    }
}

impl Write for Slice<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = self.left(buffer.len());
        let at = self.extent.start + self.position;
        let count = self.disk.write_at(&buffer[..length], at)?;
        Ok(self.moved(count))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.sync_data()
    }
}

impl Seek for Slice<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.extent.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_found_again_by_its_data_partition_only() {
        let file = tempfile::tempfile().unwrap();
        let (identity, others) = (Identity::derive("a"), Identity::derive("b"));
        let layout = Layout::new(3 * MIB - 1, MIB);
        layout.write(&file, identity).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 6 * MIB);
        assert_eq!(Layout::find(&file, Some(identity.data)), Some(layout));
        assert_eq!(Layout::find(&file, None), Some(layout));
        assert_eq!(Layout::find(&file, Some(others.data)), None);
    }

    #[test]
    fn a_slice_ends_where_it_ends() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(30).unwrap();
        let extent = Extent {
            start: 10,
            length: 10,
        };
        let mut slice = Slice::new(&file, extent);
        slice.seek(SeekFrom::End(-4)).unwrap();
        assert_eq!(slice.write(b"123456").unwrap(), 4);
        assert_eq!(slice.write(b"56").unwrap(), 0);
        slice.seek(SeekFrom::Start(6)).unwrap();
        let mut read = String::new();
        slice.read_to_string(&mut read).unwrap();
        assert_eq!(read, "1234");
        let mut byte = [0; 21];
        file.read_exact_at(&mut byte, 9).unwrap();
        assert_eq!(&byte[7..12], b"1234\0");
    }
}
