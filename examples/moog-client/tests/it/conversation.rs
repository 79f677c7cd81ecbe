//! The recorded conversation, as the client holds it. Fix the code, not these tests.

use moog_protocol::{Command, Parameters};
use tcpip_testkit::eventually;
use zerocopy::FromBytes;

use crate::scripted::{begin, refusal};

const CONVERSATION: &str = include_str!("../../../moog-protocol/tests/golden/conversation.txt");

/// A frame of the conversation, and whether the client sends it.
struct Line {
    from_client: bool,
    bytes: Vec<u8>,
}

fn lines() -> Vec<Line> {
    let byte = |hex: &str, at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes = |hex: &str| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect();
    CONVERSATION.lines().map(|line| Line { from_client: line.starts_with('>'), bytes: bytes(&line[2..]) }).collect()
}

/// The client sends what was recorded, to the byte, and understands the answers, whether they come whole or a byte a
/// segment.
#[test_log::test(tokio::test)]
async fn the_conversation_goes_as_recorded() {
    for byte_by_byte in [false, true] {
        let (axis, controller) = begin(|axis| axis).await;
        let controller_side = async {
            for Line { from_client, bytes } in lines() {
                if from_client {
                    assert_eq!(controller.read_exact(bytes.len()).await.unwrap(), bytes);
                } else if byte_by_byte {
                    for byte in bytes {
                        controller.write(&[byte]).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                } else {
                    controller.write(&bytes).await.unwrap();
                }
            }
        };
        let client_side = async {
            axis.ready().await.unwrap();
            let mut refused = Vec::new();
            for line in lines().iter().filter(|line| line.from_client) {
                let command = Command::read_from_bytes(&line.bytes).unwrap();
                let parameters: Parameters = command.parameters.map(zerocopy::little_endian::F64::get);
                match axis.run_command(command.code.get(), &parameters).await {
                    Ok(acknowledged) => assert_eq!(acknowledged.counter, command.counter.get()),
                    Err(error) => refused.push(refusal(&error)),
                }
            }
            refused
        };
        let ((), refused) = eventually(async { tokio::join!(controller_side, client_side) }).await;
        assert_eq!(
            refused,
            [
                "Not allowed in Standby.",
                "State command 3.0 not allowed in Standby.",
                "Position 26.0 out of range [-25.0, 25.0].",
                "Unknown command 9.",
                "Drives can be 0.0 or 1.0, not 7.0.",
            ]
        );
        assert_eq!(axis.configured().await.unwrap().drives_enabled, 0);
    }
}
