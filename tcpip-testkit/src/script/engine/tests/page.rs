//! The page about the language says nothing that is not so.

use tokio::time::advance;

use super::{against_itself::play_against_itself, *};
use crate::{
    script::{ScriptError, markdown},
    transcript::{Transcript, log::Passed},
};

const PAGE: &str = include_str!("../../../scripts.md");

/// Each script of the page is one, and is played against itself, but for the one in which somebody has to choose.
#[test]
fn the_scripts_of_the_page_are_played() {
    let now = Instant::now();
    let mut others = Vec::new();
    for markdown::Block { name, range } in markdown::blocks(PAGE) {
        let text = &PAGE[range];
        let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let is_playable = |side| Engine::new(script.clone(), Some(side), now).is_ok();
        if is_playable(Side::Client) && is_playable(Side::Server) {
            play_against_itself(text);
        } else {
            others.push(name);
        }
    }
    assert_eq!(others, [Some("choice")]);
    assert_eq!(markdown::blocks(PAGE).len(), PAGE.matches("\n```tcpip").count());
}

/// What the page has refused is refused, for the reason that it says.
#[test]
fn what_the_page_has_refused_is_refused() {
    let (_, section) = PAGE.split_once("\n# What is refused\n").unwrap();
    let (section, _) = section.split_once("\n# ").unwrap();
    let (_, rows) = section.split_once("|---|---|\n").unwrap();
    for row in rows.lines() {
        let (lines, told) = row.trim_matches(['|', ' ']).split_once(" | ").unwrap();
        let script = lines.trim_matches('`').split("` `").collect::<Vec<_>>().join("\n");
        let Err(ScriptError::Invalid(fault)) = Script::parse(&script) else { panic!("{script} is a script") };
        assert_eq!(fault.message(), told, "{script}");
    }
}

/// What the page says that a recorder writes is what it writes.
#[tokio::test(start_paused = true)]
async fn the_recorded_script_of_the_page_is_recorded() {
    let transcript = Transcript::new();
    let session = transcript.passing(Instant::now(), None, None);
    let binary = [&b"\x02\0firmware"[..], &[0; 40], &[0xff; 7]].concat();
    for (micros, by, passed) in [
        (0, Side::Client, Passed::Bytes(b"MOVE ".to_vec())),
        (0, Side::Client, Passed::Bytes(b"280\r\n".to_vec())),
        (12_500, Side::Server, Passed::Bytes(b"OK\n{\"az\": 280.0}\r\n\r\n".to_vec())),
        (1_250_000, Side::Client, Passed::Bytes(binary)),
        (0, Side::Server, Passed::Close),
    ] {
        advance(Duration::from_micros(micros)).await;
        session.note(by, Instant::now(), passed);
    }
    transcript.passing(Instant::now(), None, None);
    let block = markdown::blocks(PAGE).into_iter().find(|block| block.name == Some("recorded")).unwrap();
    assert_eq!(transcript.to_script(), PAGE[block.range]);
}
