//! Arbitrary scripts, and arbitrary bytes for them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpip_testkit::fuzzing::parse_and_play;

fuzz_target!(|input: &[u8]| parse_and_play(input));
