// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run of many, and when it was.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::verdict::told::{self, Told};

pub struct Run {
    /// The path below the directory that was searched.
    pub name: String,
    /// The moment, where the name tells it.
    pub begun: Option<Timestamp>,
    pub told: Told,
}

impl Run {
    pub fn read(dir: &Path, name: String) -> Result<Run> {
        let told = told::read(dir)?;
        Ok(Run {
            begun: begun(&name, &told),
            name,
            told,
        })
    }

    /// Runs in this order are in the order of time, as far as they tell it.
    pub fn order(&self) -> (Timestamp, &str) {
        let midnight = self.told.date.at(0, 0, 0, 0);
        let time = self.begun.or(TimeZone::UTC.to_timestamp(midnight).ok());
        (time.unwrap_or_default(), &self.name)
    }

    /// The time for a reader: to the second, or the day.
    pub fn when(&self) -> String {
        match self.begun {
            Some(begun) => begun.to_string(),
            None => self.told.date.to_string(),
        }
    }
}

/// Reads the seconds since 1970 with which `run` begins a name. Other numbers, such as those of a CI, are told by their
/// day: it is not that of the record.
fn begun(name: &str, told: &Told) -> Option<Timestamp> {
    let last = name.rsplit('/').next()?;
    let digits = last.split('-').next()?;
    let begun = Timestamp::from_second(digits.parse().ok()?).ok()?;
    let day = TimeZone::UTC.to_datetime(begun).date();
    // The record's day is that of its end.
    let over_midnight = day.tomorrow().is_ok_and(|next| next == told.date);
    (day == told.date || over_midnight).then_some(begun)
}
