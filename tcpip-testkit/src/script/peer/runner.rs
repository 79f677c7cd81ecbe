//! The task that plays a script over streams.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tcpip_core::NetworkStream;
use tokio::{
    select,
    sync::{mpsc, oneshot},
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{
    Captured,
    link::{Event, Link},
    source::Source,
};
use crate::{
    script::{
        Script, ScriptFailure, ScriptFault, bless,
        edits::Edits,
        engine::{Engine, LONG_STEP, Output, UNSAID_DEADLINE},
    },
    side::Side,
    transcript::Transcript,
};

/// What a test tells the task.
pub(super) enum Command {
    Set(String, Vec<u8>),
    Play(Script, PlayReply),
    Finish(Duration, oneshot::Sender<Result<(), ScriptFailure>>),
}

pub(super) enum NotPlayed {
    Unplayable(ScriptFault),
    Failed(ScriptFailure),
}

/// Who waits for a play.
type PlayReply = oneshot::Sender<Result<Captured, NotPlayed>>;

/// What the task tells at once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) transcript: Transcript,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) captured: Captured,
    pub(super) failure: Option<ScriptFailure>,
}

impl Shared {
    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing panics in the midst of a change.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Runner {
    engine: Engine,
    side: Side,
    source: Source,
    link: Option<Link>,
    is_connecting: bool,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// What is to be played once the script before is over.
    plays: VecDeque<(Script, PlayReply)>,
    playing: Option<PlayReply>,
    finishing: Option<(Instant, oneshot::Sender<Result<(), ScriptFailure>>)>,
    /// What of the scripts did not fit, and has been taken over.
    blessed: Vec<(Script, Edits, ScriptFailure)>,
}

enum Happened {
    Command(Option<Command>),
    Link(Event),
    Stream(io::Result<NetworkStream>),
    Time,
}

impl Runner {
    pub(super) fn new(
        engine: Engine,
        side: Side,
        source: Source,
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            engine,
            side,
            source,
            link: None,
            is_connecting: false,
            shared,
            commands,
            plays: VecDeque::new(),
            playing: None,
            finishing: None,
            blessed: Vec::new(),
        }
    }

    /// Plays until the test has finished, or gives up, the peer.
    pub(super) async fn run(mut self) {
        loop {
            let until = self.act().await;
            if self.is_finished() {
                if let Some(link) = self.link.take() {
                    link.end().await;
                }
                return;
            }
            let until = self.finishing.as_ref().map(|(end, _)| *end).into_iter().chain(until).min();
            match self.happens(until).await {
                Happened::Command(None) => return,
                Happened::Command(Some(command)) => self.obey(command),
                Happened::Link(event) => {
                    self.tell(event);
                    self.take_as_much_again().await;
                }
                Happened::Stream(Ok(stream)) => self.has_stream(stream),
                Happened::Stream(Err(error)) => self.engine.network_failed(error),
                Happened::Time => {}
            }
        }
    }

    async fn happens(&mut self, until: Option<Instant>) -> Happened {
        let reads = self.engine.is_reading(self.side.other());
        let link = async {
            match &mut self.link {
                Some(link) => link.event(reads).await,
                None => std::future::pending().await,
            }
        };
        let time = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        select! {
            biased;
            command = self.commands.recv() => Happened::Command(command),
            event = link => Happened::Link(event),
            stream = self.source.next() => Happened::Stream(stream),
            () = time => Happened::Time,
        }
    }

    /// Does all that can be done now. Returns until when nothing is to be done.
    async fn act(&mut self) -> Option<Instant> {
        loop {
            let output = self.engine.poll(Instant::now());
            self.tell_captured();
            let result = match (output, &mut self.link) {
                (Output::Wait(until), _) => return until,
                (Output::Done, _) => {
                    if !self.play_next() {
                        return None;
                    }
                    Ok(())
                }
                (Output::Failed(failure), _) => {
                    self.failed(failure);
                    return None;
                }
                (Output::Connect, _) => {
                    self.connect().await;
                    Ok(())
                }
                (Output::Send(bytes), Some(link)) => {
                    link.write(bytes);
                    Ok(())
                }
                (Output::Fin, Some(link)) => link.fin().await,
                (Output::Close, Some(link)) => link.close().await,
                (Output::Reset, link @ Some(_)) => {
                    link.take().into_iter().for_each(Link::reset);
                    Ok(())
                }
                (Output::Send(_) | Output::Fin | Output::Close | Output::Reset, None) => {
                    Err(ErrorKind::NotConnected.into())
                }
            };
            if let Err(error) = result {
                self.engine.network_failed(error);
            }
        }
    }

    /// The script wants a stream, for the first time or another.
    async fn connect(&mut self) {
        if let Some(link) = self.link.take() {
            link.end().await;
        }
        self.is_connecting = true;
        match self.source.connect() {
            Ok(Some(stream)) => self.has_stream(stream),
            Ok(None) => {}
            Err(error) => self.engine.network_failed(error),
        }
    }

    /// A stream is connected: the one that is waited for, one that is wanted later, or one that nobody wants.
    fn has_stream(&mut self, stream: NetworkStream) {
        if self.is_connecting {
            self.is_connecting = false;
            self.link = Some(Link::new(stream, self.side, &self.shared.transcript));
            self.engine.connected(Instant::now());
            return;
        }
        // A client that comes again has hung up before, which the runtime may not have noticed yet.
        self.take_arrived();
        let is_next = self.link.as_ref().is_none_or(Link::has_ended) && self.engine.connects_again();
        if is_next && self.source.early.is_none() {
            self.source.early = Some(stream);
        }
    }

    fn tell(&mut self, event: Event) {
        let peer = self.side.other();
        match event {
            Event::Received(bytes) => self.engine.receive(peer, &bytes),
            Event::Ended => self.engine.end(peer),
            Event::Reset => {
                // What arrived before is matched first.
                self.take_arrived();
                if let Some(link) = self.link.take() {
                    link.was_reset();
                    self.engine.reset(peer);
                }
            }
            Event::Sent => self.engine.sent(Instant::now()),
            Event::Failed(error) => self.engine.network_failed(error),
        }
    }

    /// A long step is looked at from its beginning again when more of it has come. So that this does not happen too
    /// often, as much again is taken before, if it comes at once.
    async fn take_as_much_again(&mut self) {
        let peer = self.side.other();
        let enough = 2 * self.engine.waiting(peer);
        let mut had_turn = false;
        while (LONG_STEP..enough).contains(&self.engine.waiting(peer)) && self.engine.is_reading(peer) {
            match self.link.as_mut().and_then(Link::take_arrived) {
                Some(event) => {
                    self.tell(event);
                    had_turn = false;
                }
                None if had_turn => return,
                None => {
                    yield_now().await;
                    had_turn = true;
                }
            }
        }
    }

    fn take_arrived(&mut self) {
        while self.engine.is_reading(self.side.other())
            && let Some(event) = self.link.as_mut().and_then(Link::take_arrived)
        {
            self.tell(event);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Set(name, bytes) => self.engine.set(name, bytes),
            Command::Play(script, reply) => {
                self.engine.connect_within(UNSAID_DEADLINE, Instant::now());
                self.plays.push_back((script, reply));
            }
            Command::Finish(most, reply) => {
                let now = Instant::now();
                self.engine.connect_within(UNSAID_DEADLINE, now);
                let within = self.engine.time_left().saturating_add(UNSAID_DEADLINE).min(most);
                self.finishing = Some((now + within, reply));
            }
        }
    }

    /// Goes on with what is to be played next, if anything is.
    fn play_next(&mut self) -> bool {
        if let Some(reply) = self.playing.take() {
            // Nobody may be left to be told.
            let _ = reply.send(Ok(Captured::new(self.engine.captures())));
        }
        let Some((script, reply)) = self.plays.pop_front() else { return false };
        self.blessed.extend(self.engine.take_blessed());
        match self.engine.go_on(script, Instant::now()) {
            Ok(()) => self.playing = Some(reply),
            Err(fault) => {
                let _ = reply.send(Err(NotPlayed::Unplayable(fault)));
            }
        }
        true
    }

    fn tell_captured(&mut self) {
        let captured = Captured::new(self.engine.captures());
        let mut told = self.shared.told();
        if told.captured != captured {
            told.captured = captured;
        }
    }

    /// The play is over, and so is the session: nobody is left waiting for it.
    fn failed(&mut self, failure: ScriptFailure) {
        let mut told = self.shared.told();
        let failure =
            told.failure.get_or_insert_with(|| failure.with_transcript(self.shared.transcript.to_script())).clone();
        drop(told);
        (self.link, self.source) = (None, Source::none());
        let plays = self.plays.drain(..).map(|(_, reply)| reply);
        for reply in self.playing.take().into_iter().chain(plays) {
            let _ = reply.send(Err(NotPlayed::Failed(failure.clone())));
        }
    }

    /// Whether the test has been told how it ended.
    fn is_finished(&mut self) -> bool {
        let is_over = |engine: &Engine| engine.is_done() || engine.has_failed() || engine.has_nothing_to_do();
        let Some((end, _)) = &self.finishing else { return false };
        if !is_over(&self.engine) && Instant::now() < *end {
            return false;
        }
        self.take_arrived();
        let failure = self.engine.finish();
        self.blessed.extend(self.engine.take_blessed());
        let failure = failure.or_else(|| bless::write(std::mem::take(&mut self.blessed)));
        if let Some(failure) = failure {
            self.failed(failure);
        }
        let Some((_, reply)) = self.finishing.take() else { return false };
        let failure = self.shared.told().failure.clone();
        let _ = reply.send(failure.map_or(Ok(()), Err));
        true
    }
}
