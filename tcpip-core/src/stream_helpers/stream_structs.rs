//! Binary structures on any stream.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zerocopy::TryFromBytes;

use crate::{ReadError, Structs, WriteError};

/// Makes a `T` of its bytes.
pub(crate) fn struct_from<T: TryFromBytes>(bytes: &[u8]) -> Result<T, ReadError> {
    T::try_read_from_bytes(bytes)
        .map_err(|_| ReadError::InvalidStruct { type_name: std::any::type_name::<T>(), bytes: bytes.to_vec() })
}

/// Reads a structure from any stream: exactly `size_of::<T>()` bytes.
///
/// # Errors
///
/// [`ReadError::Incomplete`] with what came, if the stream ends before; [`ReadError::InvalidStruct`] if the bytes are
/// no `T`; [`ReadError::Io`] if the stream fails.
///
/// # Cancel safety
///
/// Not cancel safe: bytes already read are lost with the future. [`Connection::read_struct`] is.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut stream: &[u8] = &[1, 0, 2, 0];
/// let values: [zerocopy::little_endian::U16; 2] = tcpip_core::read_struct(&mut stream).await?;
/// assert_eq!(values, [1, 2]);
/// # Ok(())
/// # }
/// ```
///
/// [`Connection::read_struct`]: crate::Connection::read_struct
pub async fn read_struct<T: TryFromBytes>(reader: &mut (impl AsyncRead + Unpin)) -> Result<T, ReadError> {
    let mut bytes = vec![0; size_of::<T>()];
    let mut filled = 0;
    while filled < bytes.len() {
        match reader.read(&mut bytes[filled..]).await {
            Ok(0) => {
                let expected = Some(bytes.len());
                bytes.truncate(filled);
                return Err(ReadError::Incomplete { partial: bytes, expected });
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::Io(error)),
        }
    }
    struct_from(&bytes)
}

/// Reads a structure from any stream into `target`, which keeps its value if that fails.
///
/// # Errors
///
/// Those of [`read_struct`].
///
/// # Cancel safety
///
/// Not cancel safe, as [`read_struct`].
pub async fn read_into<T: TryFromBytes>(
    reader: &mut (impl AsyncRead + Unpin),
    target: &mut T,
) -> Result<(), ReadError> {
    *target = read_struct(reader).await?;
    Ok(())
}

/// Writes structures to any stream, back to back, and flushes it.
///
/// # Errors
///
/// [`WriteError::Io`] if the stream fails.
///
/// # Cancel safety
///
/// Not cancel safe: a part may have been written. [`Connection::write_from`] is.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tcpip_core::WriteError> {
/// let mut stream = Vec::new();
/// tcpip_core::write_from(&mut stream, (&[1u8, 2], &[3u8])).await?;
/// assert_eq!(stream, [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
///
/// [`Connection::write_from`]: crate::Connection::write_from
pub async fn write_from(writer: &mut (impl AsyncWrite + Unpin), structs: impl Structs) -> Result<(), WriteError> {
    let bytes = structs.parts().as_slice().concat();
    writer.write_all(&bytes).await.map_err(WriteError::Io)?;
    writer.flush().await.map_err(WriteError::Io)
}
