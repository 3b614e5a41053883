// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits, always up to a deadline by the guest's own clock.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(2);

/// Asks `ready` again and again until it has an answer; `what` is what the waiting is for.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ready()? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("{what}: nothing after {} s", limit.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_waiting() {
        let mut asked = 0;
        let answer = wait_for("third time", Duration::from_secs(5), || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(answer.unwrap(), 3);
    }

    #[test]
    fn the_deadline_names_what_was_waited_for() {
        let error = wait_for::<()>("the port", Duration::ZERO, || Ok(None)).unwrap_err();
        assert_eq!(error.to_string(), "the port: nothing after 0 s");
    }
}
