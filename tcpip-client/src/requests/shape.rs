//! What a reply looks like.

use std::{error::Error, fmt, time::Duration};

use tcpip_core::endpoint::{Input, Trailing};

/// What a reply looks like: a description, which may be used again. What has been taken of a reply is a state beside
/// it, so that a task of the session can take the rest of one whose caller has gone.
///
/// Made by [`line`](super::line), [`lines`](super::lines) and the other functions of that kind; a
/// [`Framing`](tcpip_core::Framing) is one, whose frame is the reply, and a tuple of shapes is one behind the other.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no shape of a reply",
    note = "shapes are made by `line()`, `lines(n)`, `lines_until(…)`, `lines_before(…)`, `until(…)`, `literal(…)`, \
            `bytes(n)`, `of::<T>()`, `json::<T>()`, `frame(decoder)`, `scpi_block()` and `silence(duration)`; a \
            `Framing` is one, and a tuple of shapes"
)]
pub trait Shape: Sized + Send + 'static {
    /// What a reply becomes.
    type Output: Send + 'static;
    /// What has been taken so far.
    #[doc(hidden)]
    type State: Default + Send + 'static;

    /// Whether code of the user's runs in it.
    #[doc(hidden)]
    const RUNS_USERS_CODE: bool;

    /// Whether there may be a reply where there are no bytes.
    #[doc(hidden)]
    fn may_be_empty(&self) -> bool;

    /// Takes the reply out of the front of `input` if it is all there. `None` if it is not.
    #[doc(hidden)]
    fn take(&self, state: &mut Self::State, input: &mut Input<'_>) -> Option<Result<Self::Output, Mismatch>>;

    /// How long nothing has to come for the reply, or that part of it that is awaited, to be at its end. `None` if it
    /// ends otherwise.
    #[doc(hidden)]
    fn gap(&self, _state: &Self::State) -> Option<Duration> {
        None
    }

    /// Takes the reply out of the front of `input` when nothing has come for so long. `None` if that is the end of a
    /// part, behind which another is awaited.
    #[doc(hidden)]
    fn take_at_gap(&self, state: &mut Self::State, input: &mut Input<'_>) -> Option<Result<Self::Output, Mismatch>> {
        self.take(state, input)
    }

    /// What may still come behind the reply that has been taken, and is no part of the next one.
    #[doc(hidden)]
    fn trailing(&self, _state: &Self::State) -> Trailing {
        Trailing::Nothing
    }

    /// Makes something else of the reply.
    fn map<T: Send + 'static, F>(self, convert: F) -> impl Shape<Output = T>
    where
        F: Fn(Self::Output) -> T + Send + 'static,
    {
        Map { shape: self, convert }
    }

    /// Makes something else of the reply, or an error, which costs this reply alone.
    ///
    /// ```
    /// use tcpip_client::{RequestError, Requester, Shape, line};
    ///
    /// async fn voltage(device: &Requester) -> Result<f64, RequestError> {
    ///     device.ask_for("VOLT?", line().try_map(|line| line.parse())).await
    /// }
    /// ```
    fn try_map<T, E, F>(self, convert: F) -> impl Shape<Output = T>
    where
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Fn(Self::Output) -> Result<T, E> + Send + 'static,
    {
        TryMap { shape: self, convert }
    }

    /// Has what comes first say what follows it.
    fn and_then<S, F>(self, next: F) -> impl Shape<Output = S::Output>
    where
        S: Shape,
        F: Fn(Self::Output) -> S + Send + 'static,
    {
        AndThen { shape: self, next }
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

/// What [`Shape::map`] makes.
struct Map<S, F> {
    shape: S,
    convert: F,
}

impl<S: Shape, T: Send + 'static, F: Fn(S::Output) -> T + Send + 'static> Shape for Map<S, F> {
    type Output = T;
    type State = S::State;

    const RUNS_USERS_CODE: bool = true;

    fn may_be_empty(&self) -> bool {
        self.shape.may_be_empty()
    }

    fn take(&self, state: &mut S::State, input: &mut Input<'_>) -> Option<Result<T, Mismatch>> {
        self.shape.take(state, input).map(|taken| taken.map(&self.convert))
    }

    fn trailing(&self, state: &S::State) -> Trailing {
        self.shape.trailing(state)
    }

    fn gap(&self, state: &S::State) -> Option<Duration> {
        self.shape.gap(state)
    }

    fn take_at_gap(&self, state: &mut S::State, input: &mut Input<'_>) -> Option<Result<T, Mismatch>> {
        self.shape.take_at_gap(state, input).map(|taken| taken.map(&self.convert))
    }
}

/// What [`Shape::try_map`] makes.
struct TryMap<S, F> {
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

    const RUNS_USERS_CODE: bool = true;

    fn may_be_empty(&self) -> bool {
        self.shape.may_be_empty()
    }

    fn take(&self, state: &mut S::State, input: &mut Input<'_>) -> Option<Result<T, Mismatch>> {
        Some(self.converted(self.shape.take(state, input)?))
    }

    fn trailing(&self, state: &S::State) -> Trailing {
        self.shape.trailing(state)
    }

    fn gap(&self, state: &S::State) -> Option<Duration> {
        self.shape.gap(state)
    }

    fn take_at_gap(&self, state: &mut S::State, input: &mut Input<'_>) -> Option<Result<T, Mismatch>> {
        Some(self.converted(self.shape.take_at_gap(state, input)?))
    }
}

impl<S, F> TryMap<S, F> {
    fn converted<R, T, E>(&self, taken: Result<R, Mismatch>) -> Result<T, Mismatch>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Fn(R) -> Result<T, E>,
    {
        taken.and_then(|taken| (self.convert)(taken).map_err(|error| Mismatch::Value(error.into())))
    }
}

/// What [`Shape::and_then`] makes.
struct AndThen<S, F> {
    shape: S,
    next: F,
}

impl<S: Shape, N: Shape, F: Fn(S::Output) -> N + Send + 'static> Shape for AndThen<S, F> {
    type Output = N::Output;
    type State = (S::State, Option<Next<N>>);

    const RUNS_USERS_CODE: bool = true;

    fn may_be_empty(&self) -> bool {
        self.shape.may_be_empty()
    }

    fn take(&self, (state, next): &mut Self::State, input: &mut Input<'_>) -> Option<Result<N::Output, Mismatch>> {
        if next.is_none() {
            match head(self.shape.take(state, input)?) {
                Ok(taken) => *next = Some(self.next(taken, state)),
                Err(error) => return Some(Err(error)),
            }
        }
        next.as_mut()?.take(input)
    }

    fn trailing(&self, (state, next): &Self::State) -> Trailing {
        match next {
            None => self.shape.trailing(state),
            Some(next) => next.shape.trailing(&next.state),
        }
    }

    fn gap(&self, (state, next): &Self::State) -> Option<Duration> {
        match next {
            None => self.shape.gap(state),
            Some(next) => next.shape.gap(&next.state),
        }
    }

    fn take_at_gap(
        &self,
        (state, next): &mut Self::State,
        input: &mut Input<'_>,
    ) -> Option<Result<N::Output, Mismatch>> {
        if let Some(next) = next {
            return next.shape.take_at_gap(&mut next.state, input);
        }
        match head(self.shape.take_at_gap(state, input)?) {
            Ok(taken) => next.insert(self.next(taken, state)).take(input),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<S: Shape, N: Shape, F: Fn(S::Output) -> N> AndThen<S, F> {
    fn next(&self, taken: S::Output, state: &S::State) -> Next<N> {
        Next { before: self.shape.trailing(state), shape: (self.next)(taken), state: N::State::default() }
    }
}

/// What the head of a reply says to follow.
struct Next<S: Shape> {
    /// What may still come of the head.
    before: Trailing,
    shape: S,
    state: S::State,
}

impl<S: Shape> Next<S> {
    fn take(&mut self, input: &mut Input<'_>) -> Option<Result<S::Output, Mismatch>> {
        skip(&mut self.before, input);
        self.shape.take(&mut self.state, input)
    }
}

/// Drops what is still to come of what has been taken.
pub(super) fn skip(trailing: &mut Trailing, input: &mut Input<'_>) {
    if *trailing != Trailing::Nothing {
        let count = trailing.skip(input.bytes());
        input.skip(count);
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

            const RUNS_USERS_CODE: bool = $($shape::RUNS_USERS_CODE ||)+ $last::RUNS_USERS_CODE;

            fn may_be_empty(&self) -> bool {
                $(self.$index.may_be_empty() &&)+ self.$last_index.may_be_empty()
            }

            fn take(
                &self,
                state: &mut Self::State,
                input: &mut Input<'_>,
            ) -> Option<Result<Self::Output, Mismatch>> {
                $(if let Err(error) = state.$index.take(&self.$index, input)? {
                    return Some(Err(error));
                })+
                match self.$last_index.take(&mut state.$last_index, input)? {
                    Ok(last) => Some(Ok(($(state.$index.taken.take()?,)+ last,))),
                    Err(error) => Some(Err(error)),
                }
            }

            fn trailing(&self, state: &Self::State) -> Trailing {
                self.$last_index.trailing(&state.$last_index)
            }

            fn gap(&self, state: &Self::State) -> Option<Duration> {
                $(if state.$index.taken.is_none() {
                    return self.$index.gap(&state.$index.state);
                })+
                self.$last_index.gap(&state.$last_index)
            }

            fn take_at_gap(
                &self,
                state: &mut Self::State,
                input: &mut Input<'_>,
            ) -> Option<Result<Self::Output, Mismatch>> {
                $(if state.$index.taken.is_none() {
                    let taken = self.$index.take_at_gap(&mut state.$index.state, input)?;
                    return match state.$index.keep(&self.$index, taken) {
                        Ok(()) => self.take(state, input),
                        Err(error) => Some(Err(error)),
                    };
                })+
                match self.$last_index.take_at_gap(&mut state.$last_index, input)? {
                    Ok(last) => Some(Ok(($(state.$index.taken.take()?,)+ last,))),
                    Err(error) => Some(Err(error)),
                }
            }
        }
    };
}

/// A part of a tuple.
#[doc(hidden)]
pub struct Part<S: Shape> {
    state: S::State,
    taken: Option<S::Output>,
    /// What may still come of it.
    behind: Trailing,
}

impl<S: Shape> Default for Part<S> {
    fn default() -> Self {
        Self { state: S::State::default(), taken: None, behind: Trailing::Nothing }
    }
}

impl<S: Shape> fmt::Debug for Part<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Part").field("is_taken", &self.taken.is_some()).finish_non_exhaustive()
    }
}

impl<S: Shape> Part<S> {
    /// Takes the part out, unless it has been. `None` if it is not there yet.
    fn take(&mut self, shape: &S, input: &mut Input<'_>) -> Option<Result<(), Mismatch>> {
        if self.taken.is_none() {
            let taken = shape.take(&mut self.state, input)?;
            if let Err(error) = self.keep(shape, taken) {
                return Some(Err(error));
            }
        }
        skip(&mut self.behind, input);
        Some(Ok(()))
    }

    /// Keeps what has been taken, until all parts have.
    fn keep(&mut self, shape: &S, taken: Result<S::Output, Mismatch>) -> Result<(), Mismatch> {
        self.taken = Some(head(taken)?);
        self.behind = shape.trailing(&self.state);
        Ok(())
    }
}

tuples!(A 0; B 1);
tuples!(A 0, B 1; C 2);
tuples!(A 0, B 1, C 2; D 3);
