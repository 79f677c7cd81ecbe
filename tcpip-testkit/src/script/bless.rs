//! Writes what came into the scripts that it did not fit.

use std::{env, fs, io};

use super::{Script, ScriptFailure, edits::Edits};

/// The environment variable that asks for it, with `1`.
const VARIABLE: &str = "TCPIP_BLESS";

/// Whether what comes is to become the script. Never where `CI` is set: there, it fails.
pub(super) fn is_asked_for() -> bool {
    env::var_os(VARIABLE).is_some_and(|value| value == "1") && env::var_os("CI").is_none()
}

/// Writes the changes into the files of the scripts, and says so. A script that has no file is shown, and its failure
/// stands; so does that of one that cannot be written.
pub(super) fn write(blessed: Vec<(Script, Edits, ScriptFailure)>) -> Option<ScriptFailure> {
    let mut first = None;
    for (script, edits, failure) in blessed {
        let (changed, lines) = edits.apply(&script.to_string());
        let result = match script.file() {
            None => Err(format!("a script in a string is not blessed. What came would be:\n{changed}")),
            Some((path, range)) => match write_to(&script, &changed) {
                Ok(()) => {
                    let lines_before = script.lines_before();
                    let lines: Vec<String> = lines.iter().map(|line| (line + lines_before).to_string()).collect();
                    Ok(format!("{}: blessed, in line {}", path.display(), lines.join(", ")))
                }
                Err(error) => Err(format!("{}: not blessed in {range:?}: {error}", path.display())),
            },
        };
        match result {
            Ok(told) => eprintln!("{told}"),
            Err(told) => {
                eprintln!("{told}");
                first.get_or_insert(failure);
            }
        }
    }
    first
}

/// Replaces the script in its file, if it is there still.
fn write_to(script: &Script, changed: &str) -> io::Result<()> {
    let Some((path, range)) = script.file() else { return Ok(()) };
    Script::parse(changed).map_err(io::Error::other)?;
    let text = fs::read_to_string(path)?;
    if text.get(range.clone()) != Some(&script.to_string()) {
        return Err(io::Error::other("the file has changed meanwhile"));
    }
    fs::write(path, [&text[..range.start], changed, &text[range.end..]].concat())
}
