// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Debian mirror that this machine is set up with: the one that is sure to be in reach.

use std::ffi::OsString;
use std::fs;

use anyhow::Context;
use xshell::{Shell, cmd};

/// A source that apt reads `suite` from.
pub fn stanza(suite: &str) -> anyhow::Result<String> {
    let mirror = host_mirror()?.context(
        "this machine's apt has no Debian mirror, from which the pinned kernel comes: \
         name one in /etc/apt/sources.list",
    )?;
    Ok(format!(
        "Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nArchitectures: amd64\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    ))
}

fn host_mirror() -> anyhow::Result<Option<String>> {
    let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    match debian_codename(&os_release) {
        Some(codename) => mirror(codename, &[]),
        None => Ok(None),
    }
}

/// The codename of this machine's Debian, if it is one (`os-release(5)`).
fn debian_codename(os_release: &str) -> Option<&str> {
    let field = |key: &str| {
        os_release
            .lines()
            .find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"')))
    };
    (field("ID=") == Some("debian")).then(|| field("VERSION_CODENAME="))?
}

/// The first mirror of `codename`'s main component among apt's sources. `options` are passed on to apt.
fn mirror(codename: &str, options: &[OsString]) -> anyhow::Result<Option<String>> {
    let shell = Shell::new()?;
    // Release files are only there once somebody has called `apt-get update`; sources are read without them.
    let options = [&["--no-release-info".into()], options].concat();
    let filters = [
        "Target-Of: deb",
        "Created-By: Packages",
        &format!("Release: {codename}"),
        "Component: main",
    ];
    let mirrors = cmd!(
        shell,
        "apt-get {options...} indextargets --format $(REPO_URI) {filters...}"
    )
    .quiet()
    .read()
    .context("apt-get cannot tell which mirrors this machine's apt has")?;
    Ok(mirrors.lines().next().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The first mirror that apt finds in sources with this text.
    fn mirror_in(file: &str, text: &str, codename: &str) -> anyhow::Result<Option<String>> {
        let folder = tempfile::tempdir()?;
        let sources = folder.path().join(file);
        fs::write(&sources, text)?;
        let set = |key: &str, value: &Path| {
            let mut option = OsString::from(format!("--option={key}="));
            option.push(value);
            option
        };
        let options = [
            set("Dir::Etc::SourceList", &sources),
            set("Dir::Etc::SourceParts", Path::new("-")),
            // No package list was ever fetched.
            set("Dir::State::Lists", folder.path()),
        ];
        mirror(codename, &options)
    }

    fn apt_is_missing() -> bool {
        let missing = !Path::new("/usr/bin/apt-get").exists();
        if missing {
            eprintln!("NOT RUN: this machine has no apt-get");
        }
        missing
    }

    #[test]
    fn only_a_debian_has_a_codename_for_us() {
        let debian = "PRETTY_NAME=\"x\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(debian_codename(debian), Some("bookworm"));
        let other = "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n";
        assert_eq!(debian_codename(other), None);
        assert_eq!(debian_codename("ID=debian\n"), None);
    }

    #[test]
    fn the_one_line_format_is_read() {
        if apt_is_missing() {
            return;
        }
        let text = "# deb http://old/debian bookworm main\n\
                    deb https://elsewhere/apt cloud-sdk-bookworm main\n\
                    deb-src http://source/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/a/key] http://mirror/debian bookworm contrib main # mine\n";
        let mirror = |codename| mirror_in("a.list", text, codename).unwrap();
        assert_eq!(mirror("bookworm").as_deref(), Some("http://mirror/debian/"));
        assert_eq!(mirror("trixie"), None);
    }

    #[test]
    fn the_deb822_format_is_read() {
        if apt_is_missing() {
            return;
        }
        let text = "Types: deb\nURIs: https://elsewhere/docker\nSuites: bookworm\nComponents: stable\n\n\
                    # comment\nTypes: deb\nEnabled: no\nURIs: http://off/debian\nSuites: bookworm\nComponents: main\n\n\
                    types: deb deb-src\n# within\nuris: http://mirror/debian http://second/debian\n\
                    suites: bookworm bookworm-updates\ncomponents: main\n";
        let mirror = |codename| mirror_in("a.sources", text, codename).unwrap();
        assert_eq!(mirror("bookworm").as_deref(), Some("http://mirror/debian/"));
        assert_eq!(mirror("trixie"), None);
    }

    #[test]
    fn sources_that_apt_cannot_read_are_an_error() {
        if apt_is_missing() {
            return;
        }
        let error = mirror_in("a.list", "deb rubbish\n", "bookworm").unwrap_err();
        assert!(error.to_string().contains("which mirrors"), "{error}");
    }
}
