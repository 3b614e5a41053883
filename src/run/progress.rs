// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells a person how far a guest is.

use crate::protocol::Message;

/// A message in a person's words, if it has something to say to one.
pub fn progress(message: &Message) -> Option<String> {
    Some(match message {
        Message::Hello { kernel_release, .. } => format!("guest: up, kernel {kernel_release}"),
        Message::StepStarted { step } => format!("guest: {step}"),
        Message::Progress { step, done, of } => format!("guest: {step} {done} of {of}"),
        Message::Working { step, at, done, of } => {
            format!("guest: {step}: {at}, {done} of {of}")
        }
        Message::Stored { .. } => return None,
        Message::StepFinished { step, outcome, .. } => match outcome.as_result() {
            Ok(_) => return None,
            Err(failure) => format!("guest: {step} failed: {failure}"),
        },
        // No run has a shell.
        Message::ShellOutput { .. } | Message::ShellEnded { .. } => return None,
        Message::GuestError { reason } => format!("guest: broken: {reason}"),
        Message::Done => "guest: done".into(),
    })
}
