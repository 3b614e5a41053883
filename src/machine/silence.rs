// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a guest has said nothing although it could have: its host may be slow (`docs/machine.md`).
//!
//! Nothing here reads a clock. Times are those since the silence began.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::system::scheduler::{Task, Tasks};

/// How the threads of a vehicle share their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// QEMU's run side by side: the one with the most counts for all.
    SideBySide,
    /// The processes of User-Mode Linux take turns: the kernel's own process, and the one that it traces.
    InTurn,
}

/// A silence, as far as it was looked at.
#[derive(Debug)]
pub(super) struct Silence {
    threads: Threads,
    /// Every thread that was seen, those that have ended included.
    seen: BTreeMap<u32, Seen>,
    looks: u32,
    stolen_before: Duration,
    stolen: Duration,
}

/// What is known of one thread.
#[derive(Debug)]
struct Seen {
    latest: Task,
    /// Since the first look.
    ran: Duration,
    waited: Duration,
    /// When it was last seen to have run or waited.
    moved: Duration,
}

impl Silence {
    pub fn new(threads: Threads) -> Silence {
        Silence {
            threads,
            seen: BTreeMap::new(),
            looks: 0,
            stolen_before: Duration::ZERO,
            stolen: Duration::ZERO,
        }
    }

    /// Takes in what the host's scheduler says at `now`. `stolen` is what a hypervisor below the host has taken in all.
    pub fn look(&mut self, now: Duration, tasks: &Tasks, stolen: Duration) {
        if self.looks == 0 {
            self.stolen_before = stolen;
        }
        self.stolen = stolen.saturating_sub(self.stolen_before);
        self.looks += 1;
        for (id, seen) in &mut self.seen {
            // One that has ended waits no more.
            seen.latest.runnable &= tasks.contains_key(id);
        }
        for (&id, &task) in tasks {
            // What a thread did before the first look was before the silence; one that is new is so within it.
            let first = match self.looks {
                1 => task,
                _ => Task::default(),
            };
            let seen = self.seen.entry(id).or_insert(Seen {
                latest: first,
                ran: Duration::ZERO,
                waited: Duration::ZERO,
                moved: now,
            });
            if task.ran < seen.latest.ran {
                // Another one that has got the number of one that ended.
                seen.latest = Task::default();
            }
            let ran = task.ran.saturating_sub(seen.latest.ran);
            let waited = task.waited.saturating_sub(seen.latest.waited);
            if ran + waited > Duration::ZERO {
                seen.moved = now;
            }
            seen.ran += ran;
            seen.waited += waited;
            seen.latest = task;
        }
    }

    /// How long the machine has had a CPU.
    pub fn ran(&self) -> Duration {
        self.of_all(|seen| seen.ran)
    }

    /// How much of the silence until `now` counts: the time that the machine ran, or all the time but that which it
    /// waited for a CPU, whichever is more. A guest that computes runs; one that sleeps, or is stopped, waits for none.
    pub fn counts(&self, now: Duration) -> Duration {
        let waited = self.of_all(|seen| {
            // The scheduler counts a wait when it is over.
            let waiting = match seen.latest.runnable {
                true => now.saturating_sub(seen.moved),
                false => Duration::ZERO,
            };
            seen.waited + waiting
        });
        let had = now.saturating_sub(waited + self.stolen);
        self.ran().min(now).max(had)
    }

    fn of_all(&self, time: impl Fn(&Seen) -> Duration) -> Duration {
        let times = self.seen.values().map(time);
        match self.threads {
            Threads::SideBySide => times.max().unwrap_or_default(),
            Threads::InTurn => times.sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn task(ran: u64, waited: u64, runnable: bool) -> Task {
        Task {
            ran: seconds(ran),
            waited: seconds(waited),
            runnable,
        }
    }

    /// The silence that counts after looks at 0 s, 1 s, ... at one thread.
    fn counted(looks: &[Task]) -> u64 {
        let mut silence = Silence::new(Threads::InTurn);
        for (now, task) in (0..).zip(looks) {
            silence.look(seconds(now), &Tasks::from([(7, *task)]), Duration::ZERO);
        }
        silence.counts(seconds(looks.len() as u64 - 1)).as_secs()
    }

    #[test]
    fn who_spins_sleeps_or_is_stopped_is_silent_all_the_time() {
        let spins: Vec<_> = (0..=10).map(|n| task(50 + n, 3, true)).collect();
        assert_eq!(counted(&spins), 10);
        let sleeps = [task(50, 3, false); 11];
        assert_eq!(counted(&sleeps), 10);
        assert_eq!(counted(&[task(0, 0, false)]), 0);
    }

    #[test]
    fn who_waits_for_a_cpu_is_silent_only_while_it_has_one() {
        // A second in five.
        let looks: Vec<_> = (0..=10).map(|n| task(n / 5, n - n / 5, true)).collect();
        assert_eq!(counted(&looks), 2);
        // A wait that the scheduler has not counted yet, and then has.
        let waits = [task(5, 1, false), task(5, 1, true), task(5, 1, true)];
        assert_eq!(counted(&waits), 0);
        let has_waited = [&waits[..], &[task(5, 4, false)]].concat();
        assert_eq!(counted(&has_waited), 0);
        let sleeps = [&has_waited[..], &[task(5, 4, false); 3]].concat();
        assert_eq!(counted(&sleeps), 3);
    }

    #[test]
    fn threads_that_take_turns_add_up_and_others_do_not() {
        let of = |threads| {
            let mut silence = Silence::new(threads);
            let look = |n| Tasks::from([(1, task(n, n, false)), (2, task(n, n, false))]);
            silence.look(seconds(0), &look(0), Duration::ZERO);
            silence.look(seconds(8), &look(4), Duration::ZERO);
            (
                silence.ran().as_secs(),
                silence.counts(seconds(8)).as_secs(),
            )
        };
        assert_eq!(of(Threads::InTurn), (8, 8));
        assert_eq!(of(Threads::SideBySide), (4, 4));
    }

    #[test]
    fn threads_that_come_and_go_are_counted() {
        let mut silence = Silence::new(Threads::InTurn);
        silence.look(
            seconds(0),
            &Tasks::from([(1, task(9, 9, false))]),
            seconds(0),
        );
        let both = Tasks::from([(1, task(10, 9, false)), (2, task(2, 4, true))]);
        silence.look(seconds(7), &both, seconds(0));
        // The second has ended, and a third one has its number.
        silence.look(
            seconds(8),
            &Tasks::from([(1, task(10, 9, false))]),
            seconds(0),
        );
        silence.look(
            seconds(9),
            &Tasks::from([(2, task(1, 0, false))]),
            seconds(0),
        );
        assert_eq!(silence.ran(), seconds(4));
        assert_eq!(silence.counts(seconds(9)), seconds(5));
    }

    #[test]
    fn what_a_hypervisor_below_the_host_takes_is_not_the_guests() {
        let mut silence = Silence::new(Threads::SideBySide);
        let sleeps = Tasks::from([(1, task(0, 0, false))]);
        silence.look(seconds(0), &sleeps, seconds(100));
        silence.look(seconds(10), &sleeps, seconds(104));
        assert_eq!(silence.counts(seconds(10)), seconds(6));
    }
}
