// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest tells the host while it runs.

use serde::{Deserialize, Serialize};

use super::cuts::Stored;
use super::outcome::Outcome;
use super::results::StepData;
use super::shell::Stream;
use super::step::Step;

/// One line of JSON from the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum Message {
    /// The first message of a run.
    Hello {
        protocol: u32,
        run_id: String,
        kernel_release: String,
        toolkit_version: String,
    },
    StepStarted {
        step: Step,
    },
    Progress {
        step: Step,
        done: u32,
        of: u32,
    },
    /// Work goes on within something that takes long; sent every now and then by the guest's clock.
    Working {
        step: Step,
        /// What is being done.
        at: String,
        done: u64,
        of: u64,
    },
    /// Something is stored for good: fsync has returned.
    Stored {
        stored: Stored,
    },
    StepFinished {
        step: Step,
        /// The time that the step took, by the guest's monotonic clock.
        elapsed_ns: u64,
        outcome: Outcome<Box<StepData>>,
    },
    /// What a command of a shell wrote.
    ShellOutput {
        stream: Stream,
        /// The bytes, in hexadecimal: they need not be text.
        hex: String,
    },
    /// A shell ended, or its command, with this status; 128 and more is a signal.
    ShellEnded {
        status: u8,
    },
    /// The guest itself is broken: nothing else follows.
    GuestError {
        reason: String,
    },
    /// The last message of a run that went through all its steps, whatever their outcomes; the guest powers off.
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::VERSION;
    use anyhow::Context;

    #[test]
    fn messages_are_single_lines_that_survive_json() {
        let failed = anyhow::Result::<Box<StepData>>::Err(nix::Error::ENOMEM.into())
            .context("cannot mount /store\non /mnt/kernel");
        let messages = [
            Message::Hello {
                protocol: VERSION,
                run_id: "r1".into(),
                kernel_release: "6.12".into(),
                toolkit_version: "0.1.0".into(),
            },
            Message::Progress {
                step: Step::Cycles,
                done: 1,
                of: 100,
            },
            Message::StepFinished {
                step: Step::Cycles,
                elapsed_ns: 5,
                outcome: failed.into(),
            },
            Message::Done,
        ];
        for message in messages {
            let line = serde_json::to_string(&message).unwrap();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), message);
        }
    }
}
