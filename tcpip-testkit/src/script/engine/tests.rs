//! Scripts that are played without a socket and without a clock.

mod against_itself;
mod blessing;
mod blocks;
mod cuts;
mod items;
mod json;
mod long_steps;
mod page;
mod shown;
mod steps;

use std::time::Duration;

use super::*;

/// An engine, its clock, and what it has done.
struct Played {
    engine: Engine,
    now: Instant,
    begin: Instant,
    /// What was sent, with the ends by their names.
    did: Vec<(u64, String)>,
}

impl Played {
    /// One that is connected.
    fn new(script: &str, role: Side) -> Self {
        let mut played = Self::alone(script, role);
        assert!(matches!(played.engine.poll(played.now), Output::Connect));
        played.engine.connected(played.now);
        played
    }

    fn alone(script: &str, role: Side) -> Self {
        let script = Script::parse(script).unwrap_or_else(|error| panic!("{error}"));
        let now = Instant::now();
        let engine = Engine::new(script, Some(role), now).unwrap_or_else(|fault| panic!("{fault}"));
        Self { engine, now, begin: now, did: Vec::new() }
    }

    fn server(script: &str) -> Self {
        Self::new(script, Side::Server)
    }

    /// Does all that can be done now. Returns until when nothing is to be done.
    fn run(&mut self) -> Result<Option<Instant>, ScriptFailure> {
        loop {
            let at = u64::try_from(self.now.duration_since(self.begin).as_millis()).unwrap();
            let did = match self.engine.poll(self.now) {
                Output::Send(bytes) => {
                    self.engine.sent(self.now);
                    bytes.escape_ascii().to_string()
                }
                Output::Fin => "fin".to_owned(),
                Output::Close => "close".to_owned(),
                Output::Reset => "reset".to_owned(),
                Output::Connect => {
                    self.engine.connected(self.now);
                    "connect".to_owned()
                }
                Output::Wait(until) => return Ok(until),
                Output::Done => return Ok(None),
                Output::Failed(failure) => return Err(failure),
            };
            self.did.push((at, did));
        }
    }

    /// Time passes, and what is to be done is done when it is its time.
    fn pass(&mut self, time: Duration) -> Result<(), ScriptFailure> {
        let end = self.now + time;
        while let Some(until) = self.run()?.filter(|until| *until <= end) {
            self.now = until;
        }
        self.now = end;
        self.run().map(drop)
    }

    fn pass_ms(&mut self, time: u64) -> Result<(), ScriptFailure> {
        self.pass(Duration::from_millis(time))
    }

    /// The client has sent this.
    fn receive(&mut self, bytes: &[u8]) -> Result<(), ScriptFailure> {
        self.engine.receive(Side::Client, bytes);
        self.run().map(drop)
    }

    fn end(&mut self) -> Result<(), ScriptFailure> {
        self.engine.end(Side::Client);
        self.run().map(drop)
    }

    fn reset(&mut self) -> Result<(), ScriptFailure> {
        self.engine.reset(Side::Client);
        self.run().map(drop)
    }

    fn did(&self) -> Vec<&str> {
        self.did.iter().map(|(_, did)| &**did).collect()
    }

    fn captured(&self, name: &str) -> &[u8] {
        &self.engine.captures()[name].bytes
    }
}

/// What is said first of a failure: `1:3: …`.
fn said(failure: &ScriptFailure) -> String {
    failure.to_string().lines().next().unwrap().trim_start_matches("script:").to_owned()
}
