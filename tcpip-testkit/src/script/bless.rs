//! Writes what came into the scripts that it did not fit.

use std::{
    env,
    fs::File,
    io::{self, ErrorKind, Read as _, Seek as _, Write as _},
    ops::Range,
    path::Path,
};

use super::{Script, ScriptFailure, edits::Edits, script::places_in};

/// The environment variable that asks for it, with `1`.
const VARIABLE: &str = "TCPIP_BLESS";

/// Whether what comes is to become the script. Never where tests are run for all: there, it fails.
pub(super) fn is_asked_for() -> bool {
    let is_asked_for = env::var_os(VARIABLE).is_some_and(|value| value == "1");
    if is_asked_for && is_ci() {
        eprintln!("{VARIABLE} is set, but so is CI: nothing is blessed");
        return false;
    }
    is_asked_for
}

/// Whether `CI` is set, to something that does not say no.
fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !["", "0", "false"].iter().any(|no| value == *no))
}

/// Writes the changes into the files of the scripts, and says so. A script that has no file is shown, and its failure
/// stands; so does that of one that cannot be written.
pub(super) fn write(blessed: Vec<(Script, Edits, ScriptFailure)>) -> Option<ScriptFailure> {
    let mut first = None;
    for (script, edits, failure) in blessed {
        let (changed, lines) = edits.apply(&script.to_string());
        let result = match script.file() {
            None => Err(format!("a script in a string is not blessed. What came would be:\n{changed}")),
            Some((path, name)) => match write_to(path, name, &script, &changed) {
                Ok(lines_before) => {
                    let lines: Vec<String> = lines.iter().map(|line| (line + lines_before).to_string()).collect();
                    Ok(format!("{}: blessed, in line {}", path.display(), lines.join(", ")))
                }
                Err(error) => Err(format!("{}: not blessed: {error}", path.display())),
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

/// Replaces the script in its file, if it is there still, or has become the same already. Returns how many lines there
/// are before it.
fn write_to(path: &Path, name: Option<&str>, script: &Script, changed: &str) -> io::Result<usize> {
    Script::parse(changed).map_err(io::Error::other)?;
    let mut file = File::options().read(true).write(true).open(path)?;
    // Other tests may bless what is in the same file just now, those of other processes too.
    match file.lock() {
        Err(error) if error.kind() != ErrorKind::Unsupported => return Err(error),
        _ => {}
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let is_known = |place: &Range<usize>| [changed, &script.to_string()].contains(&&text[place.clone()]);
    let Some(place) = places_in(&text, name).pop().filter(is_known) else {
        return Err(io::Error::other("the file has changed meanwhile"));
    };
    if &text[place.clone()] != changed {
        let text = [&text[..place.start], changed, &text[place.end..]].concat();
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(text.as_bytes())?;
    }
    Ok(text[..place.start].matches('\n').count())
}
