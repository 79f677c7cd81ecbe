//! What the fuzz target drives, and the replay of its corpus. No part of the library.

use tokio::time::Instant;

use super::{
    Script, ScriptFailure,
    engine::{Engine, Output},
};
use crate::side::Side;

/// What separates the script from the bytes that come for it: it is in no text.
const SEPARATOR: u8 = 0xff;

/// A script that does not send in so many turns sends without end.
const MOST_TURNS: usize = 10_000;

/// Takes the input for a script and, behind a byte that is in no text, for what comes.
///
/// # Panics
///
/// If the script is not written as it was read, if its canonical form is another script, or if what it makes of the
/// bytes depends on their segments.
pub fn parse_and_play(input: &[u8]) {
    let (text, bytes) = match input.iter().position(|byte| *byte == SEPARATOR) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[][..]),
    };
    let Ok(text) = str::from_utf8(text) else { return };
    let script = match Script::parse(text) {
        Ok(script) => script,
        Err(error) => return drop(error.to_string()),
    };
    assert_eq!(script.to_string(), text, "a script is kept as it is written");
    let canonical = script.to_canonical();
    let again = Script::parse(&canonical).unwrap_or_else(|error| panic!("{error}\n{canonical}"));
    assert_eq!(again.to_canonical(), canonical, "the canonical form is its own");
    for role in [Side::Client, Side::Server] {
        let whole = play(&script, role, [bytes]);
        assert_eq!(play(&script, role, bytes.chunks(1)), whole, "byte by byte, {role:?}:\n{text}");
        // The canonical form has its steps elsewhere.
        let did = |played: Option<Played>| played.map(|played| (played.did, played.failure.is_some()));
        assert_eq!(did(play(&again, role, [bytes])), did(whole), "{canonical}");
    }
}

/// What a side has done, and what is said of what came.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    did: Vec<u8>,
    failure: Option<String>,
}

/// Plays a side of the script, while these chunks come and no time passes. Nothing where that side cannot play it.
fn play<'a>(script: &Script, role: Side, chunks: impl IntoIterator<Item = &'a [u8]>) -> Option<Played> {
    let now = Instant::now();
    let mut engine = Engine::new(script.clone(), Some(role), now).ok()?;
    let mut did = Vec::new();
    let mut result = go_on(&mut engine, now, &mut did);
    for chunk in chunks {
        result = result.and_then(|()| {
            engine.receive(role.other(), chunk);
            go_on(&mut engine, now, &mut did)
        });
    }
    let result = result.and_then(|()| {
        engine.end(role.other());
        go_on(&mut engine, now, &mut did)
    });
    let failure = result.err().or_else(|| engine.finish());
    // The first line is what does not depend on how much has come by then.
    Some(Played { did, failure: failure.map(|failure| failure.to_string().lines().take(1).collect()) })
}

/// Does all that can be done now.
fn go_on(engine: &mut Engine, now: Instant, did: &mut Vec<u8>) -> Result<(), ScriptFailure> {
    for _ in 0..MOST_TURNS {
        match engine.poll(now) {
            Output::Send(bytes) => {
                did.extend(bytes);
                engine.sent(now);
            }
            Output::Connect => engine.connected(now),
            Output::Fin | Output::Close | Output::Reset => did.push(SEPARATOR),
            Output::Wait(_) | Output::Done => return Ok(()),
            Output::Failed(failure) => return Err(failure),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// What the fuzz target has found worth keeping, and each beginning of it, does no harm.
    #[test]
    fn the_corpus_does_no_harm() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/script");
        let mut count = 0;
        for entry in fs::read_dir(corpus).unwrap() {
            let input = fs::read(entry.unwrap().path()).unwrap();
            for end in 0..=input.len() {
                parse_and_play(&input[..end]);
            }
            count += 1;
        }
        assert!(count > 20, "the corpus is not there");
    }
}
