//! The show, step by step, each with its checks.

use std::{error::Error, sync::Arc, time::Duration};

use atdome_controller::{Azimuth, Command, Dome, DomeError, DoorState, Rotation, ShortStatus};
use atdome_mock::MockDome;
use tcpip_client::LinkState;
use tcpip_server::{DisconnectReason, OneClientReadLoopServer, Sent};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    deviation::expect,
    journal::{Entry, Journal},
    pace::Pace,
    screen::Screen,
};

const HOST: &str = "127.0.0.1";
const START: f64 = 285.0;
const HOME: f64 = 10.0;
const GOAL: f64 = 340.0;

/// Degrees a second, and on the last degree of homing.
const SPEED: f64 = 6.0;
const HOMING_SPEED: f64 = 1.0;
const HOMING_STRETCH: f64 = 1.0;

/// How much longer than computed a motion may seem on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// How soon a hang-up must be noticed. It takes less than a millisecond; this is for a busy machine.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// How long the controller waits for a reply. The mock answers at once.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// How soon the controller must be connected again. Its pauses take less than a second and a half in all; the rest is
/// for a busy machine.
const BACK_WITHIN: Duration = Duration::from_secs(4);

/// What a controller is told whose dome hangs up.
const LOST: [Entry; 2] = [Entry::Connected, Entry::Disconnected(DisconnectReason::ClosedByPeer)];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The mock and the controller, connected.
pub(crate) struct Show {
    screen: Arc<Screen>,
    pace: Pace,
    server: OneClientReadLoopServer<MockDome>,
    dome: Dome,
    mock_journal: Journal,
    controller_journal: Journal,
}

impl Show {
    /// Starts the mock on a free port and connects the controller to it.
    pub(crate) async fn start(screen: Arc<Screen>, pace: Pace, fail: Option<String>) -> Outcome<Self> {
        screen.headline("A mock of the ATDome, and its controller, over TCP");
        let mock_journal = Journal::new("mock", &screen);
        let server = start_mock(&screen, pace, &mock_journal, 0).await?;
        if let Some(command) = fail {
            server.handler().fail_next(command);
        }
        let controller_journal = Journal::new("controller", &screen);
        let dome = Dome::builder(HOST, server.port())
            .reply_timeout(REPLY_TIMEOUT)
            .poll_interval(pace.seconds(0.1))
            .connect_callback(controller_journal.callback())
            .connect()
            .await?;
        Ok(Self { screen, pace, server, dome, mock_journal, controller_journal })
    }

    /// All the steps, and the end.
    pub(crate) async fn run(mut self) -> Outcome {
        let began = Instant::now();
        self.read_full_status().await?;
        self.home_with_doors_opening().await?;
        self.rotate_with_doors_closing().await?;
        self.refuse_a_second_client().await?;
        self.hang_up().await?;
        self.swallow_a_command().await?;
        self.stop_and_start_the_mock().await?;
        self.end().await?;
        let took = began.elapsed().as_secs_f64();
        self.screen.headline(&format!("Everything was as expected, within {took:.1} s."));
        Ok(())
    }

    async fn read_full_status(&self) -> Outcome {
        let status = self.dome.full_status().await?;
        self.screen.say("controller", &format!("sends +; the dome is at {}", shown(&status.short)));
        expect(status.short.azimuth == START && status.home_azimuth == HOME, || {
            format!("the dome starts at {} and has its home at {}", status.short.azimuth, status.home_azimuth)
        })?;
        expect(!status.has_been_homed && !status.short.move_code.is_moving(), || {
            "the dome starts homed or moving".to_owned()
        })?;
        self.pause().await;
        Ok(())
    }

    async fn home_with_doors_opening(&self) -> Outcome {
        self.screen.headline("Homing: to just below home, then slowly up to it; the doors open meanwhile");
        let fast = 360.0 - START + HOME - HOMING_STRETCH;
        let seconds = fast / SPEED + HOMING_STRETCH / HOMING_SPEED;
        let show = |status: &ShortStatus| {
            let gone = (status.azimuth - START).rem_euclid(360.0);
            let fraction = (gone.min(fast) / SPEED + (gone - fast).max(0.0) / HOMING_SPEED) / seconds;
            self.screen.bar(fraction, "homing", &shown(status));
            fraction
        };

        let began = self.command(Command::Home).await?;
        let within = self.pace.seconds(seconds) + SLACK;
        let status = self.dome.wait_until(within, |status| show(status) >= 0.2).await?;
        expect(status.move_code.is_homing(), || format!("the move code is {} during homing", status.move_code.bits()))?;
        self.command(Command::OpenBothDoors).await?;
        let mut opened_meanwhile = false;
        let status = self
            .dome
            .wait_until(within, |status| {
                show(status);
                if !opened_meanwhile && status.move_code.is_homing() && doors_are(status, DoorState::Open) {
                    self.screen.say("controller", "both doors are open");
                    opened_meanwhile = true;
                }
                !status.move_code.is_azimuth_moving()
            })
            .await?;
        self.screen.leave_bar();
        self.check_duration("homing", began, seconds)?;
        expect(status.homed && status.at_home && status.azimuth == HOME, || {
            format!("after homing the dome is at {}", shown(&status))
        })?;
        expect(opened_meanwhile, || "the doors did not open during homing".to_owned())?;
        self.pause().await;
        Ok(())
    }

    async fn rotate_with_doors_closing(&self) -> Outcome {
        self.screen.headline("Rotating: the shorter way, left through north; the doors close meanwhile");
        let way = HOME + 360.0 - GOAL;
        let began = self.command(Command::Move(Azimuth::try_from(GOAL)?)).await?;
        self.command(Command::CloseBothDoors).await?;
        let within = self.pace.seconds(way / SPEED) + SLACK;
        let status = self
            .dome
            .wait_until(within, |status| {
                let gone = (HOME - status.azimuth).rem_euclid(360.0);
                self.screen.bar(gone / way, "azimuth", &shown(status));
                !status.move_code.is_moving()
            })
            .await?;
        self.screen.leave_bar();
        self.check_duration("the rotation", began, way / SPEED)?;
        expect(status.azimuth == GOAL && status.last_rotation == Some(Rotation::CounterClockwise), || {
            format!("after rotating the dome is at {}, by {:?}", shown(&status), status.last_rotation)
        })?;
        expect(doors_are(&status, DoorState::Closed), || "the doors did not close".to_owned())?;
        self.pause().await;
        Ok(())
    }

    async fn refuse_a_second_client(&self) -> Outcome {
        self.screen.headline("A second client: the mock serves one at a time");
        let journal = Journal::new("second", &self.screen);
        self.screen.say("second", "connects");
        let second = Dome::builder(HOST, self.server.port()).connect_callback(journal.callback()).connect().await;
        let Err(error) = second else {
            return Err("deviation: a second client was served".into());
        };
        expect(matches!(error, DomeError::TurnedAway), || format!("the second client fails otherwise: {error}"))?;
        journal.expect(&LOST).await?;
        self.screen.say("second", &error.to_string());
        let status = self.dome.short_status().await?;
        self.screen.say("controller", &format!("is still served; the dome is at {}", shown(&status)));
        self.pause().await;
        Ok(())
    }

    async fn hang_up(&self) -> Outcome {
        self.screen.headline("The mock hangs up: the controller notices, without reading or writing");
        self.screen.say("mock", "hangs up");
        let mut link = self.link();
        let began = Instant::now();
        let session = self.dome.link().connection();
        let noticed = async {
            session.wait_disconnected().await;
            began.elapsed()
        };
        let ((), noticed) = tokio::join!(self.server.close_client(), timeout(NOTICED_WITHIN, noticed));
        let noticed = noticed.map_err(|_| "deviation: the controller does not notice that the mock has hung up")?;
        session.callbacks_done().await;
        self.server.callbacks_done().await;
        let millis = noticed.as_secs_f64() * 1000.0;
        self.screen.say("controller", &format!("noticed it after {millis:.1} ms; the next command fails:"));
        let Err(error) = self.dome.short_status().await else {
            return Err("deviation: a dome that has hung up answers".into());
        };
        self.screen.say("controller", &error.to_string());
        expect(matches!(&error, DomeError::Request(error) if error.sent() == Sent::No), || {
            format!("the lost connection is reported otherwise: {error}")
        })?;
        let status = self.connected_again(&mut link).await?;
        expect(status.azimuth == GOAL, || format!("the dome has moved: it is at {}", shown(&status)))?;
        self.pause().await;
        Ok(())
    }

    async fn swallow_a_command(&self) -> Outcome {
        self.screen.headline("A command that gets no answer: the controller begins anew, so that none comes late");
        self.screen.say("mock", "will swallow a command");
        self.server.handler().swallow_next(Command::OpenMainDoor.to_string());
        let mut link = self.link();
        self.screen.say("controller", &format!("sends {}", Command::OpenMainDoor));
        let Err(error) = self.dome.command(Command::OpenMainDoor).await else {
            return Err("deviation: a command that is swallowed is answered".into());
        };
        self.screen.say("controller", &error.to_string());
        expect(matches!(&error, DomeError::Request(error) if error.is_timeout()), || {
            format!("the missing reply is reported otherwise: {error}")
        })?;
        let status = self.connected_again(&mut link).await?;
        expect(doors_are(&status, DoorState::Closed), || "a command that was swallowed opens a door".to_owned())?;
        self.command(Command::OpenMainDoor).await?;
        let status = self.dome.short_status().await?;
        expect(status.main_door.state != DoorState::Closed, || "the main door stays closed".to_owned())?;
        self.pause().await;
        Ok(())
    }

    async fn stop_and_start_the_mock(&mut self) -> Outcome {
        self.screen.headline("The mock is stopped, and started again on its port: the controller goes on");
        let port = self.server.port();
        let mut link = self.link();
        self.server.close().await;
        self.screen.say("mock", "is stopped");
        let refused = self.show_link(&mut link, |state| matches!(state, LinkState::Backoff { attempt: 1.., .. }));
        timeout(BACK_WITHIN, refused).await.map_err(|_| "deviation: the controller does not try to connect again")?;
        self.server = start_mock(&self.screen, self.pace, &self.mock_journal, port).await?;
        let status = self.connected_again(&mut link).await?;
        expect(status.azimuth == START && !status.homed, || {
            format!("a dome that has just started is at {}, or homed", shown(&status))
        })?;
        Ok(())
    }

    /// Closes both ends, and checks that each has been told everything once and in order.
    async fn end(&self) -> Outcome {
        use DisconnectReason::{Closed, ClosedByPeer, OutOfStep};
        use Entry::{Connected, Disconnected};

        self.dome.close().await;
        self.server.wait_disconnected().await;
        self.server.close().await;
        let ends = |reasons: [DisconnectReason; 4]| reasons.map(|reason| [Connected, Disconnected(reason)]).concat();
        self.controller_journal.expect(&ends([ClosedByPeer, OutOfStep, ClosedByPeer, Closed])).await?;
        self.mock_journal.expect(&ends([Closed, ClosedByPeer, Closed, ClosedByPeer])).await?;
        Ok(())
    }

    /// What the link is at from now on.
    fn link(&self) -> watch::Receiver<LinkState> {
        let mut link = self.dome.link().states();
        link.mark_unchanged();
        link
    }

    /// Shows each attempt of the link that fails, up to the state that is wanted.
    async fn show_link(&self, link: &mut watch::Receiver<LinkState>, is_wanted: impl Fn(&LinkState) -> bool) {
        while link.changed().await.is_ok() {
            let state = link.borrow_and_update();
            if let LinkState::Backoff { pause, error, .. } = &*state {
                self.screen.say("controller", &format!("{error}; tries again in {:.2} s", pause.as_secs_f64()));
            }
            if is_wanted(&state) {
                return;
            }
        }
    }

    /// Waits until the controller is connected again, and asks for the status.
    async fn connected_again(&self, link: &mut watch::Receiver<LinkState>) -> Outcome<ShortStatus> {
        let ready = self.show_link(link, |state| matches!(state, LinkState::Ready));
        timeout(BACK_WITHIN, ready).await.map_err(|_| "deviation: the controller is not connected again")?;
        let status = self.dome.short_status().await?;
        self.screen.say("controller", &format!("is connected again; the dome is at {}", shown(&status)));
        Ok(status)
    }

    /// Sends a command and says so; when it was sent.
    async fn command(&self, command: Command) -> Outcome<Instant> {
        self.screen.say("controller", &format!("sends {command}"));
        let sent = Instant::now();
        self.dome.command(command).await?;
        Ok(sent)
    }

    fn check_duration(&self, what: &str, began: Instant, seconds: f64) -> Outcome {
        let (took, computed) = (began.elapsed(), self.pace.seconds(seconds));
        self.screen.say("controller", &format!("{what} took {:.2} s", took.as_secs_f64()));
        expect(took >= computed && took <= computed + SLACK, || format!("{what} takes {took:?} and not {computed:?}"))?;
        Ok(())
    }

    /// Time to read what has been shown.
    async fn pause(&self) {
        sleep(self.pace.seconds(0.7)).await;
    }
}

/// Starts a mock.
async fn start_mock(
    screen: &Screen,
    pace: Pace,
    journal: &Journal,
    port: u16,
) -> Outcome<OneClientReadLoopServer<MockDome>> {
    let mock = MockDome::new().speed_up(pace.speed_up());
    let server = mock.server().host(HOST).port(port).connect_callback(journal.callback()).start().await?;
    screen.say("mock", &format!("listening on {HOST}:{}", server.port()));
    Ok(server)
}

fn doors_are(status: &ShortStatus, state: DoorState) -> bool {
    status.main_door.state == state && status.dropout_door.state == state
}

/// The status in a few words, which fit behind a bar.
fn shown(status: &ShortStatus) -> String {
    let (main, dropout) = (status.main_door.percent, status.dropout_door.percent);
    format!("{:6.2}°  doors {main:3} % {dropout:3} %", status.azimuth)
}
