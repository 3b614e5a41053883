// SPDX-License-Identifier: MIT OR Apache-2.0
//! The templates of `contrib/ci/`: every command, option, target, script and file that they name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const TEMPLATES: [&str; 2] = ["github.yml", "gitlab.yml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn template(name: &str) -> String {
    fs::read_to_string(root().join("contrib/ci").join(name)).unwrap()
}

/// The commands of a template, each as its words. A comment is none.
fn commands(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.trim_start_matches("- ").trim_start_matches("run: "))
        .map(|line| line.split_whitespace().collect())
}

/// The help of a command; none where there is no such command.
fn help(command: &str) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args([command, "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    output.status.success().then_some(help)
}

/// Whether a help lists an option: at the beginning of a line, behind a short one at most.
fn lists(help: &str, option: &str) -> bool {
    help.lines().any(|line| {
        let mut words = line.split([' ', ',', '=']).filter(|word| !word.is_empty());
        line.trim_start().starts_with('-') && words.any(|word| word == option)
    })
}

/// What a template names that is not there.
fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    for words in commands(text) {
        match words[..] {
            [program, command, ref rest @ ..] if program.ends_with("/vexfs-validate") => {
                let Some(help) = help(command) else {
                    faults.push(format!("vexfs-validate {command}: no such command"));
                    continue;
                };
                let options = rest.iter().filter(|word| word.starts_with("--"));
                for option in options.filter(|option| !lists(&help, option)) {
                    faults.push(format!("vexfs-validate {command}: no option {option}"));
                }
            }
            ["make", ref targets @ ..] => {
                for target in targets {
                    let begins = match target.split_once('=') {
                        Some((variable, _)) => format!("{variable} ?="),
                        None => format!("{target}:"),
                    };
                    if !makefile.lines().any(|line| line.starts_with(&begins)) {
                        faults.push(format!("make {target}: the Makefile has no `{begins}`"));
                    }
                }
            }
            _ => (),
        }
        let of_repository =
            |word: &&&str| ["vm/", "nix/"].iter().any(|room| word.starts_with(room));
        for path in words.iter().filter(of_repository) {
            if !root().join(path).exists() {
                faults.push(format!("{path} is not in the repository"));
            }
        }
    }
    faults
}

#[test]
fn what_the_templates_name_is_there() {
    for name in TEMPLATES {
        let text = template(name);
        assert_eq!(faults(&text), Vec::<String>::new(), "{name}");
        // A reading that finds no command has found no fault either.
        let called: BTreeSet<&str> = commands(&text)
            .filter(|words| words[0..1] == ["target/static/vexfs-validate"])
            .map(|words| words[1])
            .collect();
        let expected = ["bundle", "history", "report", "run"];
        assert_eq!(Vec::from_iter(called), expected, "{name}");
        assert!(
            commands(&text).any(|words| words == ["make", "tools"]),
            "{name}"
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    for (of, to, fault) in [
        ("--once", "--twice", "vexfs-validate run: no option --twice"),
        (
            "validate report ",
            "validate reports ",
            "vexfs-validate reports: no such command",
        ),
        (
            "make tools",
            "make tool",
            "make tool: the Makefile has no `tool:`",
        ),
        (
            "make tools",
            "make tools ACC=kvm",
            "make ACC=kvm: the Makefile has no `ACC ?=`",
        ),
        (
            "vm/build-programs.sh",
            "vm/build.sh",
            "vm/build.sh is not in the repository",
        ),
        (
            "nix/vm-check.json",
            "nix/check.json",
            "nix/check.json is not in the repository",
        ),
    ] {
        for name in TEMPLATES {
            let text = template(name);
            let broken = text.replace(of, to);
            assert_ne!(broken, text, "{name}: {of}");
            assert_eq!(faults(&broken), [fault], "{name}");
        }
    }
}

#[test]
fn both_publish_the_files_that_the_toolkit_writes() {
    for name in TEMPLATES {
        let text = template(name);
        assert!(
            text.contains("report out/latest --out validation"),
            "{name}"
        );
        assert!(!text.contains('\t'), "{name}: YAML has no tabs");
    }
    assert!(template("gitlab.yml").contains("junit: validation/junit.xml"));
    assert!(template("github.yml").contains("uses: actions/upload-artifact@"));
}
