//! The corpus of the fuzz target, without the fuzzer.

use std::{fs, path::Path};

use super::{compare_cut, drive};

/// What the fuzz target has found worth keeping, and each beginning of it, does no harm.
#[test]
fn the_corpus_does_no_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/session");
    let mut count = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        for end in 0..=input.len() {
            drive(&input[..end]);
        }
        compare_cut(&input);
        count += 1;
    }
    assert!(count > 20, "the corpus is not there");
}
