// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches a vector file through whichever driver serves it, or in process where none does.

mod error;
mod found;
mod in_process;
pub mod ioctl;
mod kind;
pub mod module_clock;
mod mount;
mod place;
mod request;

pub use error::Error;
use error::Refused;
pub use found::Found;
pub use kind::{Kind, Method};
pub use place::Place;

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use bytemuck::Zeroable;
use nix::errno::Errno;

use crate::anns::Filter;
use crate::dataset::Matrix;
use crate::store::abi::{self, Info};
use crate::store::serve;
use in_process::InProcess;
use module_clock::{ModuleClock, Reading};
use request::Numbers;

/// How often a search asks again because the number of rows has changed meanwhile.
const TRIES: usize = 4;

/// A vector file that can be searched, by several threads at once.
#[derive(Debug)]
pub struct Searcher {
    path: PathBuf,
    backend: Backend,
    /// The rows that may be found, if not all.
    filter: Option<Filter>,
    /// The number under which the filter was sent last; 0 if it was not. Held while something is sent: an open file
    /// has one query and one filter.
    sending: Mutex<u32>,
    /// The clock within the driver, where somebody has attached one.
    clock: Option<ModuleClock>,
}

/// What answers the searches of a [`Searcher`].
#[derive(Debug)]
enum Backend {
    InProcess(Box<InProcess>),
    Mount(File),
}

impl Searcher {
    /// Opens a vector file. A file in a driver's mount is searched through that driver, which follows every change.
    ///
    /// The rows of any other file are read into this process. Rows and index are then searched as they were when they
    /// were first read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::Open {
            path: path.into(),
            error,
        })?;
        let mut info = Info::zeroed();
        match ioctl::call(
            file.as_fd(),
            abi::IOC_INFO,
            bytemuck::bytes_of_mut(&mut info),
        ) {
            Err(Errno::ENOTTY) => {
                let rows = crate::dataset::fvecs::read(path)?;
                let opened = InProcess::beside(path, rows).map_err(|error| Error::Open {
                    path: path.into(),
                    error,
                })?;
                Ok(Searcher {
                    path: path.into(),
                    backend: Backend::InProcess(Box::new(opened)),
                    filter: None,
                    sending: Mutex::default(),
                    clock: None,
                })
            }
            // Any other error is the driver's to report when it is asked something.
            _ => Ok(Searcher {
                path: path.into(),
                backend: Backend::Mount(file),
                filter: None,
                sending: Mutex::default(),
                clock: None,
            }),
        }
    }

    /// Searches rows that are in memory already and have no index. Errors call them `path`.
    pub fn in_process(path: &Path, rows: Matrix) -> Self {
        Searcher {
            path: path.into(),
            backend: Backend::InProcess(Box::new(InProcess::new(rows))),
            filter: None,
            sending: Mutex::default(),
            clock: None,
        }
    }

    /// Who searches: `in-process`, or the type of the filesystem that the file lies in.
    pub fn driver(&self) -> String {
        match &self.backend {
            Backend::InProcess(_) => "in-process".into(),
            Backend::Mount(file) => {
                mount::filesystem_type(file.as_fd()).unwrap_or_else(|| "unknown".into())
            }
        }
    }

    /// Attaches the clock of the driver that serves the file.
    pub fn timed_by(mut self, clock: Option<ModuleClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Lets searches find no other rows than those of a filter.
    pub fn keeping_to(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// The rows that may be found, if not all.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// What the clock within the driver has counted, if one is attached.
    pub fn reading(&self) -> anyhow::Result<Option<Reading>> {
        self.clock.as_ref().map(ModuleClock::read).transpose()
    }

    pub fn info(&self) -> Result<Info, Error> {
        let mut info = Info::zeroed();
        self.call(abi::IOC_INFO, bytemuck::bytes_of_mut(&mut info))
            .map_err(|errno| Error::info(&self.path, errno))?;
        Ok(info)
    }

    /// The rows nearest to `query`.
    pub fn search(&self, query: &[f32], method: Method) -> Result<Found, Error> {
        let answer = self.send(query, abi::ioc_search, |sent| {
            request::search(query, sent, method)
        });
        let request = answer.map_err(|errno| self.refused(errno, query, method))?;

        Ok(request::answer(&request))
    }

    /// The rows nearest to each of these rows of `queries`. As many as fit are asked for at a time, and are searched in
    /// one snapshot of the file. If a driver refuses them, the error is that of the first query that it refuses alone.
    pub fn search_batch(
        &self,
        queries: &Matrix,
        of: Range<usize>,
        method: Method,
    ) -> Result<Vec<Found>, Error> {
        let room = request::batch_room(queries.dim(), method.k as usize);
        if room < 2 {
            return of
                .map(|query| self.search(queries.row(query), method))
                .collect();
        }
        let mut found = Vec::with_capacity(of.len());
        for first in of.clone().step_by(room) {
            let part = first..of.end.min(first + room);
            let answer = self.send(&[], abi::ioc_batch, |sent| {
                request::batch(queries, part.clone(), sent, method)
            });
            match answer {
                Ok(answer) => found.extend(request::answers(&answer)),
                Err(_) => {
                    for query in part {
                        found.push(self.search(queries.row(query), method)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The rows nearest to `query`: `k` of them, or all where there are fewer. A driver itself refuses to search for
    /// more rows than there are.
    pub fn search_up_to(&self, query: &[f32], method: Method) -> Result<Found, Error> {
        let mut asked = method;
        for _ in 0..TRIES {
            let refused = match self.search(query, asked) {
                Err(error) => error,
                found => return found,
            };
            let too_many = match refused.errno() {
                Some(Errno::ERANGE) => true,
                Some(Errno::EINVAL) => asked.k > abi::K_MAX,
                _ => false,
            };
            if !too_many {
                return Err(refused);
            }
            let info = self.info()?;
            if info.rows == 0 {
                return Ok(Found {
                    hits: Vec::new(),
                    rows: 0,
                    generation: info.generation,
                    evaluated: 0,
                });
            }
            let k = u32::try_from(info.rows).map_or(method.k, |rows| method.k.min(rows));
            if k == asked.k && refused.errno() == Some(Errno::EINVAL) {
                return Err(refused);
            }
            asked.k = k;
        }
        self.search(query, asked)
    }

    /// Sends a filter and a long query first, and then a request that names them, which is returned with the answer.
    fn send(
        &self,
        query: &[f32],
        command: fn(usize) -> u32,
        request: impl Fn(Numbers) -> Result<Vec<u8>, Errno>,
    ) -> Result<Vec<u8>, Errno> {
        let ask = |numbers: Numbers| {
            let mut request = request(numbers)?;
            self.call(command(request.len()), &mut request)?;
            Ok(request)
        };
        let long = query.len() > abi::DIM_INLINE as usize;
        if !long && self.filter.is_none() {
            return ask(Numbers::default());
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let mut sending = self.sending();
            let numbers = self.send_before(query, &mut sending);
            // A filter stays for all searches, a query for the next one.
            let until_answered = long.then_some(sending);
            let sent = numbers.and_then(ask);
            drop(until_answered);
            // Somebody else has sent something through the same open file, or the driver needed the room.
            if sent != Err(Errno::ECANCELED) || tries == TRIES {
                return sent;
            }
            if let Ok(numbers) = numbers {
                let mut sending = self.sending();
                // Unless another thread has sent it anew.
                if *sending == numbers.filter {
                    *sending = 0;
                }
            }
        }
    }

    fn sending(&self) -> MutexGuard<'_, u32> {
        self.sending.lock().expect("a thread panicked")
    }

    /// Sends what a search does not carry with it. The filter is there already if it was sent before.
    fn send_before(&self, query: &[f32], filter_number: &mut u32) -> Result<Numbers, Errno> {
        let mut numbers = Numbers::default();
        if let Some(filter) = &self.filter {
            if *filter_number == 0 {
                let number = (request::number() as u32).max(1);
                for mut part in request::filter_parts(filter, number) {
                    self.call(abi::ioc_filter(part.len()), &mut part)?;
                }
                *filter_number = number;
            }
            numbers.filter = *filter_number;
        }
        if query.len() > abi::DIM_INLINE as usize {
            numbers.query = request::number();
            for mut part in request::parts(query, numbers.query)? {
                self.call(abi::ioc_query(part.len()), &mut part)?;
            }
        }
        Ok(numbers)
    }

    /// Answers a command in process or through a driver: nothing else of a search differs between the two.
    fn call(&self, command: u32, data: &mut [u8]) -> Result<(), Errno> {
        match &self.backend {
            Backend::Mount(file) => ioctl::call(file.as_fd(), command, data),
            Backend::InProcess(rows) => {
                let answer = serve::ioctl(command, data, true, Some(&**rows))?;
                data[..answer.len()].copy_from_slice(&answer);
                Ok(())
            }
        }
    }

    /// Explains an errno, with what the file itself tells about it.
    fn refused(&self, errno: Errno, query: &[f32], method: Method) -> Error {
        let path = self.path.clone();
        let refused = Refused {
            query: query.len(),
            method,
            info: self.info().ok(),
        };
        Error::search(path, errno, refused)
    }
}
