// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest said, put together from its messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::results::{self, StepData};
use crate::protocol::{Failure, Message, Outcome, Step};

use super::fate::Fate;
use crate::criteria::check::Finding;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuestReport {
    pub hello: Option<Hello>,
    pub steps: BTreeMap<Step, StepReport>,
    /// The step that had begun and not ended.
    pub unfinished: Option<Step>,
    /// Why it could not end, where that is neither the guest's fault nor the module's.
    #[serde(skip)]
    pub excuse: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub kernel_release: String,
    pub toolkit_version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub elapsed_ns: u64,
    pub outcome: Outcome<Box<StepData>>,
}

impl GuestReport {
    /// Puts the messages of a file together. A line that is no message is left out, as it is while the guest runs; half
    /// a line at the end is none.
    pub fn of_messages(text: &[u8]) -> GuestReport {
        let mut report = GuestReport::default();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let whole = line.ends_with(b"\n");
            if let Some(message) = serde_json::from_slice(line).ok().filter(|_| whole) {
                report.take(message);
            }
        }
        report
    }

    /// The report of a guest whose machine came to this end.
    pub fn ended(self, fate: &Fate) -> GuestReport {
        let excuse = match fate {
            Fate::Booted(ending) if ending.is_of_the_host() => Some(ending.to_string()),
            _ => None,
        };
        GuestReport { excuse, ..self }
    }

    pub fn take(&mut self, message: Message) {
        match message {
            Message::Hello {
                kernel_release,
                toolkit_version,
                ..
            } => {
                self.hello = Some(Hello {
                    kernel_release,
                    toolkit_version,
                });
            }
            Message::StepStarted { step } => self.unfinished = Some(step),
            Message::StepFinished {
                step,
                elapsed_ns,
                outcome,
            } => {
                self.unfinished = None;
                self.steps.insert(
                    step,
                    StepReport {
                        elapsed_ns,
                        outcome,
                    },
                );
            }
            Message::Progress { .. }
            | Message::Stored { .. }
            | Message::Working { .. }
            | Message::ShellOutput { .. }
            | Message::ShellEnded { .. }
            | Message::GuestError { .. }
            | Message::Done => {}
        }
    }

    /// The data of a step. A step that failed is a failed check; one that was not reached could not run.
    fn data(&self, step: Step) -> Result<&StepData, Finding> {
        match self
            .steps
            .get(&step)
            .map(|report| report.outcome.as_result())
        {
            Some(Ok(data)) => Ok(data),
            Some(Err(Failure { reason, .. })) => {
                Err(Finding::fail(format!("step {step} failed: {reason}")))
            }
            None if self.unfinished == Some(step) => Err(match &self.excuse {
                None => Finding::fail(format!("step {step} did not end")),
                Some(excuse) => {
                    Finding::could_not_run(format!("step {step} did not end: {excuse}"))
                }
            }),
            None => Err(Finding::could_not_run(format!(
                "the guest did not get to step {step}"
            ))),
        }
    }
}

/// `report.identity()` and so on: the data of a step, or the finding that takes its place.
macro_rules! step_data {
    ($($method:ident: $step:ident),* $(,)?) => {
        impl GuestReport {
            $(pub fn $method(&self) -> Result<&results::$step, Finding> {
                match self.data(Step::$step)? {
                    StepData::$step(data) => Ok(data),
                    _ => Err(Finding::fail(format!("step {} reported the data of another step", Step::$step))),
                }
            })*
        }
    };
}

step_data! {
    identity: Identity,
    module: Module,
    cycles: Cycles,
    files: Files,
    errors: Errors,
    stacking: Stacking,
    hostile: Hostile,
    concurrency: Concurrency,
    workload: Workload,
    indexes: Indexes,
    calls: Calls,
    suites: Suites,
    peers: Peers,
    survivors: Survivors,
    failing: Failing,
    watchers: Watchers,
    after: After,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::check::Status;
    use crate::machine::session::Ending;

    #[test]
    fn half_a_message_is_none() {
        let text = concat!(
            r#"{"message":"step-started","step":"cycles"}"#,
            "\nnonsense\n",
            r#"{"message":"step-started","step":"fi"#
        );
        let report = GuestReport::of_messages(text.as_bytes());
        assert_eq!(report.unfinished, Some(Step::Cycles));
        assert_eq!(GuestReport::of_messages(b""), GuestReport::default());
    }

    #[test]
    fn says_where_the_guest_stopped() {
        let mut report = GuestReport::default();
        let found = |report: &GuestReport| report.cycles().unwrap_err();
        assert_eq!(found(&report).status, Status::CouldNotRun);
        report.take(Message::StepStarted { step: Step::Cycles });
        assert_eq!(found(&report), Finding::fail("step cycles did not end"));
        let what = "a CPU".to_owned();
        let starved = report
            .clone()
            .ended(&Fate::Booted(Ending::HostLacks { what }));
        assert_eq!(found(&starved).status, Status::CouldNotRun);
        let hung = Ending::Hang {
            after: "a".into(),
            seconds: 1,
        };
        assert_eq!(report.clone().ended(&Fate::Booted(hung)), report);
        let outcome = Outcome::Failed(Failure {
            reason: "no module".into(),
            errno: None,
        });
        report.take(Message::StepFinished {
            step: Step::Cycles,
            elapsed_ns: 1,
            outcome,
        });
        assert_eq!(
            found(&report),
            Finding::fail("step cycles failed: no module")
        );
    }
}
