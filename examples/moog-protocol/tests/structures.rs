//! The bytes of every structure, as Python's `struct` packs them. Fix the code, not these.

use std::{io::Write, process};

use moog_protocol::{
    Command, CommandStatus, ControllerState, Header, STATIONARY, SimpleConfig, SimpleTelemetry, code, frame_id,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Has the same bytes in both directions.
#[expect(clippy::unwrap_used, reason = "a golden value that is no hexadecimal number fails the test")]
fn check<T: FromBytes + IntoBytes + Immutable + KnownLayout + PartialEq + std::fmt::Debug>(value: &T, golden: &str) {
    let golden: String = golden.split_whitespace().collect();
    let golden: Vec<u8> =
        (0..golden.len()).step_by(2).map(|at| u8::from_str_radix(&golden[at..at + 2], 16).unwrap()).collect();
    assert_eq!(value.as_bytes(), golden);
    assert_eq!(T::read_from_bytes(value.as_bytes()).as_ref(), Ok(value));
}

/// `struct.pack("<3I6d", 2, 7, 4, 12.5, -1, 0, 0, 0, 6)`: 60 bytes.
#[test]
fn a_command_has_its_bytes() {
    let golden = "02000000 07000000 04000000 0000000000002940 000000000000f0bf
                  0000000000000000 0000000000000000 0000000000000000 0000000000001840";
    check(&Command::new(7, code::MOVE, [12.5, -1.0, 0.0, 0.0, 0.0, 6.0]), golden);
}

/// `struct.pack("<2I2q", 2, 0xfffffffe, 1790000037, 999999999)`: 24 bytes.
#[test]
fn a_header_has_its_bytes() {
    let header = Header {
        frame_id: frame_id::TELEMETRY.into(),
        counter: 0xffff_fffe.into(),
        tai_sec: 1_790_000_037.into(),
        tai_nsec: 999_999_999.into(),
    };
    check(&header, "02000000 feffffff a53bb16a00000000 ffc99a3b00000000");
}

/// `struct.pack("<Id50s", 1, 1.5, b"")` and `struct.pack("<Id50s", 2, 0, b"No.")`: 62 bytes.
#[test]
fn a_status_has_its_bytes() {
    check(&CommandStatus::accepted(1.5), &format!("01000000 000000000000f83f {}", "00".repeat(50)));
    check(&CommandStatus::refused("No."), &format!("02000000 0000000000000000 4e6f2e {}", "00".repeat(47)));
}

/// A reason of 50 bytes has no NUL behind it, and a longer one is cut there, at the end of a character.
#[test]
fn a_long_reason_is_cut_at_50_bytes() {
    for (reason, shown) in [
        ("a".repeat(49), "a".repeat(49)),
        ("a".repeat(50), "a".repeat(50)),
        ("a".repeat(51), "a".repeat(50)),
        ("é".repeat(26), "é".repeat(25)),
        ("a".repeat(49) + "é", "a".repeat(49)),
    ] {
        assert_eq!(CommandStatus::refused(&reason).reason(), shown);
    }
    assert_eq!(&CommandStatus::refused(&"a".repeat(51)).as_bytes()[12..], [b'a'; 50]);
}

/// `struct.pack("<B3d", 1, -25, 25, 47)`: 25 bytes.
#[test]
fn a_configuration_has_its_bytes() {
    let config = SimpleConfig {
        drives_enabled: 1,
        min_position: (-25.0).into(),
        max_position: 25.0.into(),
        max_velocity: 47.0.into(),
    };
    check(&config, "01 00000000000039c0 0000000000003940 0000000000804740");
}

/// `struct.pack("<I4d", 0x400, 2, 0, 0.001, -3)`: 36 bytes.
#[test]
fn telemetry_has_its_bytes() {
    let telemetry = SimpleTelemetry {
        application_status: moog_protocol::APPLICATION_STATUS.into(),
        state: ControllerState::Enabled.number().into(),
        enabled_substate: STATIONARY.into(),
        curr_position: 0.001.into(),
        cmd_position: (-3.0).into(),
    };
    let golden = "00040000 0000000000000040 0000000000000000 fca9f1d24d62503f 00000000000008c0";
    check(&telemetry, golden);
}

/// Each state has its number, and other numbers are none.
#[test]
fn states_have_their_numbers() {
    use ControllerState::{Enabled, Fault, Standby};
    for (state, number) in [(Standby, 0.0), (Enabled, 2.0), (Fault, 4.0)] {
        assert_eq!((state.number(), ControllerState::from_number(number)), (number, Some(state)));
    }
    assert_eq!([1.0, 3.0, -1.0, f64::NAN].map(ControllerState::from_number), [None; 4]);
}

/// The recorded conversation is what Python's `struct` packs today, where there is a Python.
#[test]
fn the_conversation_is_what_python_packs() {
    let make = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/make.py");
    match process::Command::new("python3").arg(make).output() {
        Ok(output) => assert!(output.stdout == include_bytes!("golden/conversation.txt"), "run golden/make.py"),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "skipped: the_conversation_is_what_python_packs: python3: {error}");
        }
    }
}
