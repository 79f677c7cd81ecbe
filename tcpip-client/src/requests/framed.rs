//! A frame as a reply.

use tcpip_core::{
    Bytes, Damage, Decoder, FrameCodec, Framing,
    endpoint::{Input, Trailing},
};

use super::shape::{Mismatch, Shape};

/// The content of a frame. Noise in front of it is passed over, and logged. A frame whose checksum is wrong, or its
/// escapes, costs this reply alone; one that is too long or has no end is out of step.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
/// # struct Mock(Framing);
/// # impl ReadAndDispatch for Mock {
/// #     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
/// #         connection.read_frame(&mut self.0.codec()).await??;
/// #         Ok(connection.write(&self.0.frame("1.5e-6")?).await?)
/// #     }
/// # }
/// use tcpip_client::{Checksum, Client, Framing, Shape};
///
/// let framing = Framing::between(b"\x02", b"\x03").checksum(Checksum::xor());
/// # let server = OneClientReadLoopServer::builder(Mock(framing.clone())).start().await?;
/// # let (host, port) = (server.host(), server.port());
/// let gauge = Client::builder(host, port).link().connect().await?;
/// let pressure = framing.clone().try_map(|content| String::from_utf8_lossy(&content).parse::<f64>());
/// assert_eq!(gauge.ask_for(framing.frame("PR1")?, pressure).await?, 1.5e-6);
/// # gauge.close().await;
/// # Ok(())
/// # }
/// ```
impl Shape for Framing {
    type Output = Bytes;
    type State = Option<FrameCodec>;

    const RUNS_USERS_CODE: bool = false;

    fn may_be_empty(&self) -> bool {
        false
    }

    fn take(&self, codec: &mut Option<FrameCodec>, input: &mut Input<'_>) -> Option<Result<Bytes, Mismatch>> {
        let codec = codec.get_or_insert_with(|| self.codec());
        loop {
            // A codec of a framing never fails.
            match input.decode(|bytes| codec.decode(bytes)).ok()?? {
                Ok(content) => return Some(Ok(content)),
                // It may be part of a secret.
                Err(Damage::Noise(noise)) => tracing::warn!("passed over before a reply: {} bytes", noise.len()),
                Err(damage @ (Damage::BadChecksum { .. } | Damage::BadEscape(_))) => {
                    return Some(Err(Mismatch::Value(damage.into())));
                }
                Err(damage) => return Some(Err(Mismatch::OutOfStep(damage.to_string()))),
            }
        }
    }

    fn trailing(&self, codec: &Option<FrameCodec>) -> Trailing {
        codec.as_ref().map(FrameCodec::trailing).unwrap_or_default()
    }
}
