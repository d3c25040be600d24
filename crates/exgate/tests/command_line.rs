//! What the program says about itself.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;

/// Runs the program; gives exit code, standard output and standard error.
fn exgate(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_exgate")).args(arguments).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_names_every_command() {
    let (code, help, _) = exgate(&["--help"]);
    assert_eq!(code, Some(0));
    for command in ["demo", "serve", "config"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} is not in:\n{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let (code, version, _) = exgate(&["--version"]);
    assert_eq!((code, version.trim()), (Some(0), concat!("exgate ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_wrong_command_line_ends_with_code_2() {
    for arguments in [&["server"][..], &["serve"], &["config"], &["demo", "--imap", "everywhere"]] {
        let (code, _, sentence) = exgate(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {sentence}");
        assert!(!sentence.is_empty(), "{arguments:?}");
    }
}
