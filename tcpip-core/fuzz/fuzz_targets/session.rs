//! A session driven by arbitrary decisions, and arbitrary streams in one piece and in many.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpip_core::fuzzing::{compare_cut, drive};

fuzz_target!(|input: &[u8]| {
    drive(input);
    compare_cut(input);
});
