//! However what comes is cut, the result is the same.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Steps of the client and the server, of few bytes, and blocks of them.
fn script() -> impl Strategy<Value = String> {
    let expected = || {
        select(vec![
            "> \"a\"",
            "> \"b\"",
            "> \"ab\"",
            "> LF",
            "> {..} LF",
            "> {1 byte}",
            "> {/a+/} \"b\"",
            "> {word} LF",
            "> {..} \"ab\"",
            "> {digits} LF",
            "> len8(\"a\")",
            "> json [1, ..]",
            "> json {json}",
            "> fin",
        ])
    };
    let step =
        prop_oneof![3 => expected(), 1 => select(vec!["< \"1\"", "< \"2\""])].prop_map(|step| format!("{step}\n"));
    step.prop_recursive(3, 16, 3, move |inner| {
        let body = || vec(inner.clone(), 0..3).prop_map(|steps| steps.concat());
        let branch = || (expected(), body()).prop_map(|(first, body)| format!("{first}\n{body}"));
        let items = select(vec!["> \"a\"", "> \"ba\"", "> LF", "> {..} LF"]);
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|steps| steps.concat()),
            (1..4, inner.clone(), body())
                .prop_map(|(times, first, body)| format!("repeat {times}\n{first}{body}end\n")),
            branch().prop_map(|branch| format!("repeat\n{branch}end\n")),
            vec(branch(), 1..4).prop_map(|branches| format!("one of\n{}end\n", branches.join("or\n"))),
            vec(branch(), 1..4).prop_map(|branches| format!("any order\n{}end\n", branches.join("and\n"))),
            vec(branch(), 1..4).prop_map(|branches| format!("repeat\none of\n{}end\nend\n", branches.join("or\n"))),
            items.prop_map(|step| format!("any time\n{step}\nend\n")),
        ]
    })
}

/// What was done, and what is said of it, if these chunks come one after the other.
fn play(script: &str, chunks: &[Vec<u8>]) -> (String, Option<String>) {
    let mut played = Played::server(script);
    let result = played.run().map(drop);
    let result = chunks.iter().fold(result, |result, chunk| result.and_then(|()| played.receive(chunk)));
    let failure = match result.and_then(|()| played.end()) {
        Ok(()) => played.engine.finish(),
        Err(failure) => Some(failure),
    };
    (played.did().concat(), failure.map(|failure| said(&failure)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn segments_make_no_difference(
        script in script(),
        bytes in vec(select(&b"aaabb\n\n11\x01\x0c[],"[..]), 0..12),
        cut in 1..12_usize,
    ) {
        let whole = play(&script, std::slice::from_ref(&bytes));
        let single: Vec<Vec<u8>> = bytes.iter().map(|byte| vec![*byte]).collect();
        prop_assert_eq!(play(&script, &single), whole.clone(), "byte by byte\n{}", script);
        let chunks: Vec<Vec<u8>> = bytes.chunks(cut).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(play(&script, &chunks), whole, "by {} bytes\n{}", cut, script);
    }
}

fn cases() -> u32 {
    std::env::var("TCPIP_SCRIPTS").map_or(128, |count| count.parse().expect("TCPIP_SCRIPTS is a number"))
}
