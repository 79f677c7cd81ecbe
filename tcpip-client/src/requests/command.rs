//! What is asked.

use tcpip_core::{Batch, WriteError};

use super::Shape;

/// A command, as the argument of a request: text, to which the terminator is put, or bytes as they are.
pub trait IntoCommand {
    /// Puts it into a message.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::write_str`].
    fn write(&self, message: &mut Batch) -> Result<(), WriteError>;
}

impl IntoCommand for str {
    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        message.write_str(self).map(drop)
    }
}

impl IntoCommand for String {
    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        message.write_str(self).map(drop)
    }
}

impl IntoCommand for [u8] {
    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        message.write(self);
        Ok(())
    }
}

impl<const N: usize> IntoCommand for [u8; N] {
    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        message.write(self);
        Ok(())
    }
}

impl IntoCommand for Vec<u8> {
    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        message.write(self);
        Ok(())
    }
}

impl<C: IntoCommand + ?Sized> IntoCommand for &C {
    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        (**self).write(message)
    }
}

/// A command of a device, with the shape of its reply.
///
/// ```
/// use tcpip_client::{Batch, Command, Shape, WriteError, lines_before};
///
/// /// Moves the dome. The device says what hinders it, if anything does, and then `>`.
/// struct MoveTo(f64);
///
/// impl Command for MoveTo {
///     type Reply = ();
///
///     fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
///         message.write_str(&format!("{:.2} MV", self.0)).map(drop)
///     }
///
///     fn reply(&self) -> impl Shape<Output = ()> {
///         lines_before(b">").try_map(|lines| if lines.is_empty() { Ok(()) } else { Err(lines.join("; ")) })
///     }
/// }
/// ```
pub trait Command {
    /// What the reply becomes.
    type Reply: Send + 'static;

    /// Puts the command into a message.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::write_str`].
    fn write(&self, message: &mut Batch) -> Result<(), WriteError>;

    /// Returns what the reply looks like.
    fn reply(&self) -> impl Shape<Output = Self::Reply>;

    /// Whether the device may carry it out twice without harm, as a question: then it is
    /// [repeated](super::RequestOptions::retries) also when it may have been received. Default: `false`.
    fn is_idempotent(&self) -> bool {
        false
    }
}
