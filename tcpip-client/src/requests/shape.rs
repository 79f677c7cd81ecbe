//! What a reply looks like.

use std::{error::Error, fmt};

use tcpip_core::{BytesMut, Connection, Encoding, JsonMode, Terminator};

/// What a reply looks like: a description, which may be used again. What has been taken of a reply is a state beside
/// it, so that a task of the session can take the rest of one whose caller has gone.
///
/// Made by [`line`](super::line), [`lines`](super::lines) and the other functions of that kind; a tuple of shapes is
/// one behind the other.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no shape of a reply",
    note = "shapes are made by `line()`, `lines(n)`, `lines_until(…)`, `lines_before(…)`, `until(…)`, `literal(…)`, \
            `bytes(n)`, `of::<T>()`, `json::<T>()` and `frame(decoder)`; a tuple of shapes is one"
)]
pub trait Shape: Sized + Send + 'static {
    /// What a reply becomes.
    type Output: Send + 'static;
    /// What has been taken so far.
    #[doc(hidden)]
    type State: Default + Send + 'static;

    /// Takes the reply out of the front of `bytes` if it is all there. `None` if it is not.
    #[doc(hidden)]
    fn take(
        &self,
        state: &mut Self::State,
        bytes: &mut BytesMut,
        format: &Format,
    ) -> Option<Result<Self::Output, Mismatch>>;

    /// Makes something else of the reply.
    fn map<T: Send + 'static, F>(self, convert: F) -> Map<Self, F>
    where
        F: Fn(Self::Output) -> T + Send + 'static,
    {
        Map { shape: self, convert }
    }

    /// Makes something else of the reply, or an error, which costs this reply alone.
    fn try_map<T, E, F>(self, convert: F) -> TryMap<Self, F>
    where
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Fn(Self::Output) -> Result<T, E> + Send + 'static,
    {
        TryMap { shape: self, convert }
    }

    /// Has what comes first say what follows it.
    fn and_then<S, F>(self, next: F) -> AndThen<Self, F>
    where
        S: Shape,
        F: Fn(Self::Output) -> S + Send + 'static,
    {
        AndThen { shape: self, next }
    }
}

/// What of the connection is in force for a reply.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Format {
    pub(super) terminator: Terminator,
    pub(super) encoding: Encoding,
    pub(super) json: JsonMode,
    pub(super) limit: usize,
}

impl Format {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            terminator: connection.terminator(),
            encoding: connection.encoding(),
            json: connection.json(),
            limit: connection.limit(),
        }
    }
}

/// Why what came is not the reply.
#[derive(Debug)]
pub enum Mismatch {
    /// It does not convert. Its end was found, and what comes next is the next reply.
    Value(Box<dyn Error + Send + Sync>),
    /// Its end is not known, and so neither is where the next reply begins.
    OutOfStep(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => formatter.write_str("the reply does not convert"),
            Self::OutOfStep(what) => formatter.write_str(what),
        }
    }
}

impl Error for Mismatch {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Value(error) => Some(&**error),
            Self::OutOfStep(_) => None,
        }
    }
}

/// Made by [`Shape::map`].
#[derive(Clone, Debug)]
pub struct Map<S, F> {
    shape: S,
    convert: F,
}

impl<S: Shape, T: Send + 'static, F: Fn(S::Output) -> T + Send + 'static> Shape for Map<S, F> {
    type Output = T;
    type State = S::State;

    fn take(&self, state: &mut S::State, bytes: &mut BytesMut, format: &Format) -> Option<Result<T, Mismatch>> {
        self.shape.take(state, bytes, format).map(|taken| taken.map(&self.convert))
    }
}

/// Made by [`Shape::try_map`].
#[derive(Clone, Debug)]
pub struct TryMap<S, F> {
    shape: S,
    convert: F,
}

impl<S, T, E, F> Shape for TryMap<S, F>
where
    S: Shape,
    T: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: Fn(S::Output) -> Result<T, E> + Send + 'static,
{
    type Output = T;
    type State = S::State;

    fn take(&self, state: &mut S::State, bytes: &mut BytesMut, format: &Format) -> Option<Result<T, Mismatch>> {
        let taken = self.shape.take(state, bytes, format)?;
        Some(taken.and_then(|taken| (self.convert)(taken).map_err(|error| Mismatch::Value(error.into()))))
    }
}

/// Made by [`Shape::and_then`].
#[derive(Clone, Debug)]
pub struct AndThen<S, F> {
    shape: S,
    next: F,
}

impl<S: Shape, N: Shape, F: Fn(S::Output) -> N + Send + 'static> Shape for AndThen<S, F> {
    type Output = N::Output;
    type State = (S::State, Option<(N, N::State)>);

    fn take(
        &self,
        (state, next): &mut Self::State,
        bytes: &mut BytesMut,
        format: &Format,
    ) -> Option<Result<N::Output, Mismatch>> {
        if next.is_none() {
            match head(self.shape.take(state, bytes, format)?) {
                Ok(taken) => *next = Some(((self.next)(taken), N::State::default())),
                Err(error) => return Some(Err(error)),
            }
        }
        let (shape, state) = next.as_mut()?;
        shape.take(state, bytes, format)
    }
}

/// What is followed by more: if it does not convert, nobody knows where that ends.
fn head<T>(taken: Result<T, Mismatch>) -> Result<T, Mismatch> {
    taken.map_err(|error| match error {
        Mismatch::Value(error) => Mismatch::OutOfStep(format!("the first part of the reply does not convert: {error}")),
        error @ Mismatch::OutOfStep(_) => error,
    })
}

/// A tuple of shapes is one behind the other.
macro_rules! tuples {
    ($($shape:ident $index:tt),+; $last:ident $last_index:tt) => {
        impl<$($shape: Shape,)+ $last: Shape> Shape for ($($shape,)+ $last,) {
            type Output = ($($shape::Output,)+ $last::Output,);
            type State = ($(Part<$shape>,)+ $last::State,);

            fn take(
                &self,
                state: &mut Self::State,
                bytes: &mut BytesMut,
                format: &Format,
            ) -> Option<Result<Self::Output, Mismatch>> {
                $(if let Err(error) = state.$index.take(&self.$index, bytes, format)? {
                    return Some(Err(error));
                })+
                let last = match self.$last_index.take(&mut state.$last_index, bytes, format)? {
                    Ok(last) => last,
                    Err(error) => return Some(Err(error)),
                };
                Some(Ok(($(state.$index.taken.take()?,)+ last,)))
            }
        }
    };
}

/// A part of a tuple.
#[doc(hidden)]
pub struct Part<S: Shape> {
    state: S::State,
    taken: Option<S::Output>,
}

impl<S: Shape> Default for Part<S> {
    fn default() -> Self {
        Self { state: S::State::default(), taken: None }
    }
}

impl<S: Shape> fmt::Debug for Part<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Part").field("is_taken", &self.taken.is_some()).finish_non_exhaustive()
    }
}

impl<S: Shape> Part<S> {
    /// Takes the part out, unless it has been. `None` if it is not there yet.
    fn take(&mut self, shape: &S, bytes: &mut BytesMut, format: &Format) -> Option<Result<(), Mismatch>> {
        if self.taken.is_none() {
            match head(shape.take(&mut self.state, bytes, format)?) {
                Ok(taken) => self.taken = Some(taken),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(()))
    }
}

tuples!(A 0; B 1);
tuples!(A 0, B 1; C 2);
tuples!(A 0, B 1, C 2; D 3);
