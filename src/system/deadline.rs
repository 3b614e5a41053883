// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits, always up to a deadline by this machine's own clock. Where that is a host's clock, as in User-Mode Linux, the
//! time in which the host gave the machine no CPU does not count.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(2);

/// How late a look may be and count as a whole. Whoever is kept from looking for longer was kept from it by the host.
const LATE: Duration = Duration::from_millis(3);

/// A limit for something that is looked at again and again.
#[derive(Debug)]
pub struct Deadline {
    left: Duration,
    /// The most that counts of the time between two looks.
    most: Duration,
    looked: Instant,
}

impl Deadline {
    /// A limit for what is looked at every 2 ms or so.
    pub fn after(limit: Duration) -> Deadline {
        Deadline::looked_at_every(PAUSE, limit)
    }

    pub fn looked_at_every(pause: Duration, limit: Duration) -> Deadline {
        Deadline {
            left: limit,
            most: pause + LATE,
            looked: Instant::now(),
        }
    }

    /// Whether the limit is reached.
    pub fn is_over(&mut self) -> bool {
        self.look(Instant::now())
    }

    fn look(&mut self, now: Instant) -> bool {
        let passed = now.duration_since(self.looked).min(self.most);
        self.looked = now;
        self.left = self.left.saturating_sub(passed);
        self.left.is_zero()
    }
}

/// Sleeps until this machine has had a CPU for about so long.
pub fn doze(time: Duration) {
    let mut deadline = Deadline::after(time);
    while !deadline.is_over() {
        thread::sleep(PAUSE);
    }
}

/// Asks `ready` again and again until it has an answer; `what` is what the waiting is for.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let mut deadline = Deadline::after(limit);
    loop {
        if let Some(answer) = ready()? {
            return Ok(answer);
        }
        if deadline.is_over() {
            bail!("{what}: nothing after {} s", limit.as_secs());
        }
        thread::sleep(PAUSE);
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

    #[test]
    fn a_time_in_which_nobody_could_look_counts_little() {
        let looks = |every: u64| {
            let mut deadline = Deadline::after(Duration::from_secs(1));
            let mut now = deadline.looked;
            let over = (1..).find(|_| {
                now += Duration::from_millis(every);
                deadline.look(now)
            });
            over.unwrap()
        };
        assert_eq!((looks(1), looks(2), looks(5)), (1000, 500, 200));
        // So many looks, however far apart.
        assert_eq!((looks(100), looks(5000)), (200, 200));
    }
}
