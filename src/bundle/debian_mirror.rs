// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Debian mirror that this machine is set up with: the one that is sure to be in reach.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// A source that apt reads `suite` from.
pub fn stanza(suite: &str) -> anyhow::Result<String> {
    let mirror = host_mirror().context(
        "this machine's apt has no Debian mirror, from which the pinned kernel comes: name one in /etc/apt/sources.list",
    )?;
    Ok(format!(
        "Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nArchitectures: amd64\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    ))
}

fn host_mirror() -> Option<String> {
    let os_release = fs::read_to_string("/etc/os-release").ok()?;
    let field = |key: &str| {
        os_release
            .lines()
            .find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"')))
    };
    if field("ID=") != Some("debian") {
        return None;
    }
    let codename = field("VERSION_CODENAME=")?;
    let mut files = vec![Path::new("/etc/apt/sources.list").to_owned()];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        let mut parts: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    files.iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        match path.extension()?.to_str()? {
            "list" => mirror_of_list(&text, codename),
            "sources" => mirror_of_sources(&text, codename),
            _ => None,
        }
    })
}

/// The mirror of `codename`'s main component, from the one-line format.
fn mirror_of_list(text: &str, codename: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let (kind, rest) = line.trim().split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_whitespace();
        let uri = words.next()?;
        let serves = kind == "deb" && words.next()? == codename && words.any(|word| word == "main");
        serves.then(|| uri.to_owned())
    })
}

/// The mirror of `codename`'s main component, from the deb822 format.
fn mirror_of_sources(text: &str, codename: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.trim().is_empty())
        .find_map(|stanza| {
            let words = |key: &str| {
                let value = stanza.iter().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case(key).then_some(value)
                });
                value.unwrap_or_default().split_whitespace()
            };
            let enabled = !words("Enabled").any(|word| word == "no");
            let serves = words("Types").any(|word| word == "deb")
                && words("Suites").any(|word| word == codename)
                && words("Components").any(|word| word == "main");
            (enabled && serves)
                .then(|| words("URIs").next().map(str::to_owned))
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_line_format_is_read() {
        let text = "# deb http://old/debian bookworm main\n\
                    deb https://elsewhere/apt cloud-sdk-bookworm main\n\
                    deb-src http://source/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/a/key] http://mirror/debian bookworm contrib main # mine\n";
        assert_eq!(
            mirror_of_list(text, "bookworm").as_deref(),
            Some("http://mirror/debian")
        );
        assert_eq!(mirror_of_list(text, "trixie"), None);
    }

    #[test]
    fn the_deb822_format_is_read() {
        let text = "Types: deb\nURIs: https://elsewhere/docker\nSuites: bookworm\nComponents: stable\n\n\
                    # comment\nTypes: deb\nEnabled: no\nURIs: http://off/debian\nSuites: bookworm\nComponents: main\n\n\
                    types: deb deb-src\n# within\nuris: http://mirror/debian http://second/debian\n\
                    suites: bookworm bookworm-updates\ncomponents: main\n";
        assert_eq!(
            mirror_of_sources(text, "bookworm").as_deref(),
            Some("http://mirror/debian")
        );
        assert_eq!(mirror_of_sources(text, "trixie"), None);
    }
}
