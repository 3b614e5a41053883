// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads lines of a file or a pipe that another process is still writing.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;

/// Splits what arrives into lines, and keeps a copy of all of it.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    /// Where to read on; none in a pipe, which knows by itself.
    offset: Option<u64>,
    copy: File,
    unfinished: Vec<u8>,
    lines: VecDeque<String>,
}

impl Tail {
    pub fn new(file: File, copy: File) -> Tail {
        Tail::at(Some(0), file, copy)
    }

    /// Reads from a pipe that does not wait when it is empty.
    pub fn of_pipe(pipe: File, copy: File) -> Tail {
        Tail::at(None, pipe, copy)
    }

    fn at(offset: Option<u64>, file: File, copy: File) -> Tail {
        Tail {
            file,
            offset,
            copy,
            unfinished: Vec::new(),
            lines: VecDeque::new(),
        }
    }

    /// Takes in what has been written since the last call.
    pub fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 64 * 1024];
        loop {
            let count = match &mut self.offset {
                Some(offset) => {
                    let count = self.file.read_at(&mut buffer, *offset)?;
                    *offset += count as u64;
                    count
                }
                None => match self.file.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    read => read?,
                },
            };
            if count == 0 {
                return Ok(());
            }
            self.copy.write_all(&buffer[..count])?;
            for piece in buffer[..count].split_inclusive(|&byte| byte == b'\n') {
                self.unfinished.extend_from_slice(piece);
                if piece.ends_with(b"\n") {
                    self.end_line();
                }
            }
        }
    }

    /// Ends the reading once the writer is gone: what it left is a line, too.
    pub fn finish(&mut self) {
        if !self.unfinished.is_empty() {
            self.end_line();
        }
    }

    pub fn next_line(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    pub fn has_line(&self) -> bool {
        !self.lines.is_empty()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.unfinished);
        self.lines.push_back(line.trim_end().to_owned());
        self.unfinished.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_line_that_arrives_in_pieces_is_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("written");
        let copy = dir.path().join("copy");
        let mut writer = File::create(&path).unwrap();
        let mut tail = Tail::new(File::open(&path).unwrap(), File::create(&copy).unwrap());

        writer.write_all(b"Kernel pa").unwrap();
        tail.read().unwrap();
        assert_eq!(tail.next_line(), None);
        writer.write_all(b"nic\r\n\nlast").unwrap();
        tail.read().unwrap();
        assert_eq!(tail.next_line().as_deref(), Some("Kernel panic"));
        assert_eq!(tail.next_line().as_deref(), Some(""));
        assert_eq!(tail.next_line(), None);
        tail.finish();
        assert_eq!(tail.next_line().as_deref(), Some("last"));
        assert_eq!(tail.next_line(), None);
        assert_eq!(fs::read(copy).unwrap(), b"Kernel panic\r\n\nlast");
    }
}
