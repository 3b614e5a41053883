// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this machine's scheduler says of processes: how long they had a CPU, and how long they waited for one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A thread of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Task {
    /// How long it had a CPU.
    pub ran: Duration,
    /// How long it waited for a CPU before it got one.
    pub waited: Duration,
    /// Whether it has a CPU now, or waits for one.
    pub runnable: bool,
}

/// Threads, by their ids.
pub type Tasks = BTreeMap<u32, Task>;

/// A tick of the clock in which the kernel shows times.
const TICK: Duration = Duration::from_millis(10);

/// The threads of a process.
pub fn of_process(pid: u32) -> Tasks {
    let mut tasks = Tasks::new();
    each_number(Path::new(&format!("/proc/{pid}/task")), |tid, dir| {
        let stat = read(dir, "stat");
        tasks.extend(task(&stat, &read(dir, "schedstat")).map(|task| (tid, task)));
    });
    tasks
}

/// The processes of a group. Each is taken for one thread.
pub fn of_group(leader: u32) -> Tasks {
    let mut tasks = Tasks::new();
    each_number(Path::new("/proc"), |pid, dir| {
        let stat = read(dir, "stat");
        if group(&stat) == Some(leader) {
            tasks.extend(task(&stat, &read(dir, "schedstat")).map(|task| (pid, task)));
        }
    });
    tasks
}

/// The time that the hypervisor below this machine took from the CPU that it took most from.
pub fn stolen() -> Duration {
    stolen_in(&read(Path::new("/proc"), "stat"))
}

fn each_number(dir: &Path, mut look: impl FnMut(u32, &Path)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if let Some(number) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            look(number, &entry.path());
        }
    }
}

/// What a file says; nothing if its process has ended meanwhile.
fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_default()
}

/// The fields of a `stat` behind the name, which may hold anything. The first is the state.
fn fields(stat: &str) -> Vec<&str> {
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    behind.split_whitespace().collect()
}

fn group(stat: &str) -> Option<u32> {
    fields(stat).get(2)?.parse().ok()
}

/// A thread from its `stat` and its `schedstat`, which not every kernel has: without one nobody knows how long it
/// waited. A thread that has ended is none.
fn task(stat: &str, schedstat: &str) -> Option<Task> {
    let fields = fields(stat);
    let state = *fields.first()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let mut nanoseconds = schedstat
        .split_whitespace()
        .map_while(|word| word.parse().ok().map(Duration::from_nanos));
    let ticks = || -> Option<Duration> {
        let [user, system] = [11, 12].map(|at| fields.get(at)?.parse::<u32>().ok());
        Some(TICK * (user? + system?))
    };
    Some(Task {
        ran: nanoseconds.next().or_else(ticks)?,
        waited: nanoseconds.next().unwrap_or_default(),
        runnable: state == "R",
    })
}

fn stolen_in(stat: &str) -> Duration {
    let of_cpu = |line: &str| -> Option<u32> {
        let mut words = line.split_whitespace();
        let number = words.next()?.strip_prefix("cpu")?;
        number.parse::<u32>().ok()?;
        words.nth(7)?.parse().ok()
    };
    TICK * stat.lines().filter_map(of_cpu).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Instant;

    const STAT: &str = "7 (a) R b) S 1 4 4 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0";

    #[test]
    fn a_thread_as_the_kernel_shows_it() {
        let shown = task(STAT, "3000000 1000000 12\n").unwrap();
        let [ran, waited] = [3, 1].map(Duration::from_millis);
        let runnable = false;
        assert_eq!(
            shown,
            Task {
                ran,
                waited,
                runnable
            }
        );
        assert_eq!(group(STAT), Some(4));
        assert!(task(&STAT.replace(") S", ") R"), "").unwrap().runnable);
        assert_eq!(task(&STAT.replace(") S", ") Z"), "1 1 1"), None);
        assert_eq!(task("", ""), None);
    }

    #[test]
    fn a_kernel_without_schedstat_still_counts_ticks() {
        assert_eq!(task(STAT, "").unwrap().ran, Duration::from_secs(3));
        assert_eq!(task(STAT, "").unwrap().waited, Duration::ZERO);
    }

    #[test]
    fn the_cpu_that_most_was_taken_from() {
        let stat = "cpu  1 1 1 1 1 1 1 900 0 0\ncpu0 1 1 1 1 1 1 1 300 0 0\ncpu1 1 1 1 1 1 1 1 600 0 0\nintr 5\n";
        assert_eq!(stolen_in(stat), Duration::from_secs(6));
        assert_eq!(stolen_in(""), Duration::ZERO);
    }

    #[test]
    fn what_computes_is_seen_to_run() {
        let ran = |tasks: &Tasks| tasks.values().map(|task| task.ran).sum::<Duration>();
        let own = std::process::id();
        let before = ran(&of_process(own));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {}
        assert!(ran(&of_process(own)) > before);

        let mut command = Command::new("sleep");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.arg("60").spawn().unwrap();
        let group = of_group(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(group.len(), 1, "{group:?}");
        assert!(of_group(child.id()).is_empty());
    }
}
