//! Commands and statuses, with the mock for a dome.

use std::sync::Arc;

use atdome_controller::{Azimuth, Command, Dome, DomeError, DoorState};
use atdome_mock::{Conditions, MockDome};
use tcpip_testkit::OneClientServerTestCase;

/// Both statuses of a new dome, and both again when other things are so.
#[test_log::test(tokio::test)]
async fn statuses_tell_what_the_dome_is_like() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let dome = Dome::connect(server.host(), server.port()).await.unwrap();
    let full = dome.full_status().await.unwrap();
    assert_eq!(full.short, dome.short_status().await.unwrap());
    assert_eq!((full.short.azimuth, full.last_azimuth_goto, full.home_azimuth), (285.0, 285.0, 10.0));
    assert!(!full.has_been_homed && !full.emergency_stop_active);

    let conditions = Conditions { rain: true, auto_shutdown: true, emergency_stop: true, ..Conditions::default() };
    server.handler().set_conditions(conditions);
    let full = dome.full_status().await.unwrap();
    assert!(full.short.rain && !full.short.clouds && full.short.auto_shutdown);
    assert!(
        full.emergency_stop_active && full.short.move_code.is_emergency_stop() && !full.short.move_code.is_moving()
    );
}

/// A command that the dome fails is an error that shows what it said; the next one is answered as ever.
#[test_log::test(tokio::test)]
async fn a_failed_command_leaves_the_link_in_step() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let dome = Dome::connect(server.host(), server.port()).await.unwrap();
    server.handler().fail_next("?");
    assert!(matches!(dome.short_status().await, Err(DomeError::Status(_))));
    server.handler().fail_next("OP");
    let error = dome.command(Command::OpenMainDoor).await.unwrap_err();
    assert_eq!(error.to_string(), "the dome answers \"Command OP failed by request\" to \"OP\"");
    assert_eq!(dome.short_status().await.unwrap().main_door.state, DoorState::Closed);
    dome.command(Command::OpenMainDoor).await.unwrap();
    assert_ne!(dome.short_status().await.unwrap().main_door.state, DoorState::Closed);
}

/// Raw lines are answered as they are; what the dome does not know gets no line.
#[test_log::test(tokio::test)]
async fn a_line_gets_the_lines_of_its_reply() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let dome = Dome::connect(server.host(), server.port()).await.unwrap();
    assert_eq!(dome.send("?").await.unwrap().len(), 6);
    assert_eq!(dome.send("+").await.unwrap().len(), 27);
    for line in ["XX", "MV", "400 MV"] {
        assert_eq!(dome.send(line).await.unwrap(), [""; 0], "{line}");
    }
}

/// Tasks that share a dome each get their own replies.
#[test_log::test(tokio::test)]
async fn commands_of_several_tasks_do_not_mix() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let dome = Arc::new(Dome::connect(server.host(), server.port()).await.unwrap());
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let dome = Arc::clone(&dome);
            tokio::spawn(async move {
                for _ in 0..50 {
                    match number % 4 {
                        0 => assert_eq!(dome.send("?").await.unwrap().len(), 6),
                        1 => assert_eq!(dome.send("+").await.unwrap().len(), 27),
                        2 => dome.command(Command::Stop).await.unwrap(),
                        _ => dome.command(Command::Move(Azimuth::try_from(1.0).unwrap())).await.unwrap(),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
