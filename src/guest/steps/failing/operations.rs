// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each operation is starved of one allocation after the other. It must be refused for want of memory or be done right.
//! It must leave nothing that hinders the next attempt, and that attempt must give what it always gives.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustix::fs::{XattrFlags, getxattr, setxattr, statvfs};

use super::allocation::Counter;
use super::disk::forget;
use super::searched;
use crate::client::{Error, Kind};
use crate::guest::steps::context::Context;
use crate::guest::steps::stage::{self, Lower, Stage};
use crate::protocol::results::Starved;

/// More allocations than any operation needs: whatever needs more never comes to an end.
const MOST: u32 = 3000;

/// The faults of one operation that are reported.
const SHOWN: usize = 5;

const SECOND_MOUNT: &str = "/mnt/second";

/// What the operations work on.
struct Scene {
    stage: Stage,
    query: Vec<f32>,
}

impl Scene {
    fn new(lower: Lower) -> Result<Scene> {
        let stage = Stage::new(lower)?;
        let query = searched::write(stage.root())?;
        fs::write(stage.root().join("plain"), [7; 10_000])?;
        fs::create_dir(stage.root().join("directory"))?;
        Ok(Scene { stage, query })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.stage.root().join(name)
    }

    /// Brings a file of the store into being.
    fn there(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        if !path.exists() {
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        }
        Ok(())
    }

    /// Whatever has this name is removed.
    fn gone(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        let gone = match fs::symlink_metadata(&path) {
            Err(_) => Ok(()),
            Ok(about) if about.is_dir() => fs::remove_dir(&path),
            Ok(_) => fs::remove_file(&path),
        };
        gone.with_context(|| format!("cannot remove {}", path.display()))
    }

    /// A new mount has looked nothing up and loaded nothing. What lies on a disk is no longer in memory either.
    fn cold(&self) -> Result<()> {
        self.stage.remount()?;
        forget(self.stage.lower())
    }
}

struct Operation {
    name: &'static str,
    /// Puts everything to where the operation has all its work before it, whatever an attempt has left.
    prepare: fn(&Scene) -> Result<()>,
    act: fn(&Scene) -> io::Result<String>,
}

const OPERATIONS: &[Operation] = &[
    Operation {
        name: "mount",
        prepare: |_| unmounted(),
        act: |scene| {
            fs::create_dir_all(SECOND_MOUNT)?;
            mount_second(scene)
        },
    },
    Operation {
        name: "unmount",
        prepare: |scene| {
            unmounted()?;
            Ok(mount_second(scene).map(drop)?)
        },
        act: |_| done(umount2(SECOND_MOUNT, MntFlags::empty())),
    },
    Operation {
        name: "look a name up",
        prepare: Scene::cold,
        act: |scene| {
            let length = fs::metadata(scene.path("plain"))?.len();
            Ok(length.to_string())
        },
    },
    Operation {
        name: "look a name up that is not there",
        prepare: Scene::cold,
        act: |scene| match fs::metadata(scene.path("nothing")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok("nothing".to_owned()),
            other => Ok(format!("{} bytes", other?.len())),
        },
    },
    Operation {
        name: "list a directory",
        prepare: Scene::cold,
        act: |scene| {
            let mut names = Vec::new();
            for entry in fs::read_dir(scene.stage.root())? {
                names.push(entry?.file_name());
            }
            Ok(names.len().to_string())
        },
    },
    Operation {
        name: "open and read",
        prepare: Scene::cold,
        act: |scene| {
            let content = fs::read(scene.path("plain"))?;
            Ok(blake3::hash(&content).to_string())
        },
    },
    Operation {
        name: "create",
        prepare: |scene| scene.gone("new"),
        // The VFS creates first and opens then. Refused an open, a new file stays, so it may be there the next time.
        act: |scene| File::create(scene.path("new")).map(ok),
    },
    Operation {
        name: "write",
        prepare: |scene| scene.gone("written"),
        act: |scene| {
            let content = [3; 20_000];
            fs::write(scene.path("written"), content)?;
            Ok((fs::read(scene.path("written"))? == content).to_string())
        },
    },
    Operation {
        name: "make a directory",
        prepare: |scene| scene.gone("new directory"),
        act: |scene| fs::create_dir(scene.path("new directory")).map(ok),
    },
    Operation {
        name: "make a symbolic link",
        prepare: |scene| scene.gone("symbolic link"),
        act: |scene| {
            symlink("plain", scene.path("symbolic link"))?;
            Ok(fs::read_link(scene.path("symbolic link"))?
                .display()
                .to_string())
        },
    },
    Operation {
        name: "make a hard link",
        prepare: |scene| scene.gone("hard link"),
        act: |scene| fs::hard_link(scene.path("plain"), scene.path("hard link")).map(ok),
    },
    Operation {
        name: "make a FIFO",
        prepare: |scene| scene.gone("fifo"),
        act: |scene| done(mkfifo(&scene.path("fifo"), Mode::S_IRWXU)),
    },
    Operation {
        name: "rename",
        prepare: |scene| {
            scene.there("old name")?;
            scene.gone("new name")
        },
        act: |scene| fs::rename(scene.path("old name"), scene.path("new name")).map(ok),
    },
    Operation {
        name: "unlink",
        prepare: |scene| scene.there("unlinked"),
        act: |scene| fs::remove_file(scene.path("unlinked")).map(ok),
    },
    Operation {
        name: "remove a directory",
        prepare: |scene| {
            scene.gone("removed")?;
            Ok(fs::create_dir(scene.path("removed"))?)
        },
        act: |scene| fs::remove_dir(scene.path("removed")).map(ok),
    },
    Operation {
        name: "set and get an extended attribute",
        prepare: Scene::cold,
        act: |scene| {
            let path = scene.path("plain");
            setxattr(&path, "trusted.test", b"value", XattrFlags::empty())?;
            let mut value = [0; 16];
            let length = getxattr(&path, "trusted.test", &mut value)?;
            Ok(String::from_utf8_lossy(&value[..length]).into_owned())
        },
    },
    Operation {
        name: "change the mode",
        prepare: Scene::cold,
        act: |scene| {
            let mode = Permissions::from_mode(0o640);
            fs::set_permissions(scene.path("plain"), mode).map(ok)
        },
    },
    Operation {
        name: "truncate",
        prepare: |scene| Ok(fs::write(scene.path("cut"), [5; 5000])?),
        act: |scene| {
            let file = File::options().write(true).open(scene.path("cut"))?;
            file.set_len(3)?;
            file.sync_all()?;
            Ok(fs::metadata(scene.path("cut"))?.len().to_string())
        },
    },
    Operation {
        name: "ask for the room",
        prepare: Scene::cold,
        act: |scene| Ok(statvfs(scene.stage.root())?.f_namemax.to_string()),
    },
    Operation {
        name: "INFO",
        prepare: Scene::cold,
        act: |scene| told(searched::info(scene.stage.root())),
    },
    Operation {
        name: "first search, flat",
        prepare: Scene::cold,
        act: |scene| search(scene, Kind::Flat),
    },
    Operation {
        name: "first search, HNSW",
        prepare: Scene::cold,
        act: |scene| search(scene, Kind::Hnsw),
    },
    Operation {
        name: "first search, IVF",
        prepare: Scene::cold,
        act: |scene| search(scene, Kind::Ivf),
    },
    Operation {
        name: "first search, PQ",
        prepare: Scene::cold,
        act: |scene| search(scene, Kind::Pq),
    },
    Operation {
        name: "first search, LSH",
        prepare: Scene::cold,
        act: |scene| search(scene, Kind::Lsh),
    },
    Operation {
        name: "later search, flat",
        prepare: |scene| warm(scene, Kind::Flat),
        act: |scene| search(scene, Kind::Flat),
    },
    Operation {
        name: "later search, HNSW",
        prepare: |scene| warm(scene, Kind::Hnsw),
        act: |scene| search(scene, Kind::Hnsw),
    },
    Operation {
        name: "search after a change of the file",
        prepare: |scene| {
            warm(scene, Kind::Flat)?;
            let path = searched::path(scene.stage.root());
            // As long as before, and with the same rows.
            let content = fs::read(&path)?;
            Ok(fs::write(&path, content)?)
        },
        act: |scene| search(scene, Kind::Flat),
    },
];

/// Whether this is what an operation says that lacks memory. A tmpfs says so of a new file in its own way
/// (`mm/shmem.c`, shmem_mknod).
fn wants_memory(lower: Lower, errno: i32) -> bool {
    errno == libc::ENOMEM || (lower == Lower::Tmpfs && errno == libc::ENOSPC)
}

fn ok<T>(_: T) -> String {
    "ok".to_owned()
}

fn done(result: nix::Result<()>) -> io::Result<String> {
    Ok(result.map(ok)?)
}

fn told(answer: Result<String, Error>) -> io::Result<String> {
    answer.map_err(|error| match error.errno() {
        Some(errno) => errno.into(),
        None => io::Error::other(error),
    })
}

fn search(scene: &Scene, kind: Kind) -> io::Result<String> {
    told(searched::search(scene.stage.root(), &scene.query, kind))
}

fn warm(scene: &Scene, kind: Kind) -> Result<()> {
    Ok(search(scene, kind).map(drop)?)
}

fn mount_second(scene: &Scene) -> io::Result<String> {
    let (lower, none) = (scene.stage.lower(), None::<&str>);
    let flags = MsFlags::empty();
    done(nix::mount::mount(
        Some(lower),
        SECOND_MOUNT,
        Some(crate::guest::kmod::NAME),
        flags,
        none,
    ))
}

/// Unmounts the second mount if it is there.
fn unmounted() -> Result<()> {
    match umount2(SECOND_MOUNT, MntFlags::empty()) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
        Err(error) => Err(error).context("cannot unmount the second mount"),
    }
}

/// Starves every operation on every lower filesystem.
pub fn starve_all(context: &Context) -> Result<Vec<Starved>> {
    let lowers = [(Lower::Tmpfs, "tmpfs"), (Lower::Ext4, "ext4")];
    let all = u32::try_from(lowers.len() * OPERATIONS.len())?;
    let mut starved = Vec::new();
    for (lower, lower_name) in lowers {
        for operation in OPERATIONS {
            let scene = Scene::new(lower)?;
            let name = format!("{} on {lower_name}", operation.name);
            starved.push(starve(name, operation, &scene, lower)?);
            unmounted()?;
            scene.stage.unmount()?;
            stage::clear_away()?;
            context.progress(u32::try_from(starved.len())?, all)?;
        }
    }
    Ok(starved)
}

fn starve(name: String, operation: &Operation, scene: &Scene, lower: Lower) -> Result<Starved> {
    let counter = Counter::of_this_thread()?;
    (operation.prepare)(scene)?;
    let expected = (operation.act)(scene).with_context(|| format!("{name} fails by itself"))?;
    let mut starved = Starved {
        name,
        failures: 0,
        refused: 0,
        wrong: Vec::new(),
        exhausted: false,
    };
    for n in 1..=MOST {
        (operation.prepare)(scene)?;
        let (result, failed) = counter.failing(n, || (operation.act)(scene))?;
        let refused = result.as_ref().is_err_and(|error| {
            error
                .raw_os_error()
                .is_some_and(|errno| wants_memory(lower, errno))
        });
        let mut wrong = Vec::new();
        match &result {
            Ok(observed) if *observed == expected => {}
            Ok(observed) => wrong.push(format!("gave {observed} instead of {expected}")),
            Err(_) if refused && failed => {}
            Err(error) => wrong.push(format!("was refused: {error}")),
        }
        if result.is_err() {
            match (operation.act)(scene) {
                Ok(observed) if observed == expected => {}
                Ok(observed) => wrong.push(format!("then gave {observed}, not {expected}")),
                Err(error) => wrong.push(format!("could not be done then: {error}")),
            }
        }
        let wrong = wrong
            .into_iter()
            .map(|what| format!("allocation {n}: {what}"));
        let room = SHOWN.saturating_sub(starved.wrong.len());
        starved.wrong.extend(wrong.take(room));
        if !failed {
            starved.exhausted = true;
            break;
        }
        starved.failures += 1;
        starved.refused += u32::from(refused);
    }
    Ok(starved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn operations_have_names_of_their_own() {
        let names: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
