//! Steps that come in many pieces.

use tokio::io::AsyncWriteExt;

use super::super::matching::LOOKED_AT;
use crate::{Script, ScriptedPeer, memory_streams};

/// A long step is not looked at from its beginning with each piece of it, neither played nor checked: there are two
/// hundred.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_long_step_is_looked_at_a_few_times() {
    let value = format!("[{}0]", "1.5, ".repeat(50_000));
    let (near, mut far) = memory_streams(1024);
    let peer = ScriptedPeer::client(Script::parse("< {json}").unwrap()).over(near).unwrap();
    far.write_all(value.as_bytes()).await.unwrap();
    let transcript = peer.finish().await.unwrap();
    assert!(transcript.chunks().len() > 200);
    let played = LOOKED_AT.take();
    transcript.check("< {json}").unwrap();
    let checked = LOOKED_AT.take();
    for looked_at in [played, checked] {
        assert!((value.len()..6 * value.len()).contains(&looked_at), "{looked_at} of {}", value.len());
    }
}
