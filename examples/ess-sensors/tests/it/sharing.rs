//! Tasks that share the sensors.

use ess_sensors::Refusal;
use tcpip_testkit::eventually;
use tokio::task::JoinSet;

use crate::setup::Setup;

/// Eight tasks each get their own replies, and see all telemetry that they wait for.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn eight_tasks_share_the_sensors() {
    let setup = Setup::new().await;
    let session = setup.sensors.link().connection().number();
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let sensors = setup.sensors.clone();
        tasks.spawn(async move {
            for _ in 0..25 {
                match number % 4 {
                    0 => sensors.zero("TempSensor2").await.unwrap(),
                    1 => {
                        let error = sensors.zero("TempSensor9").await.unwrap_err();
                        assert_eq!(error.refusal(), Some(&Refusal::NoSuchSensor), "{error:?}");
                    }
                    kind => {
                        let (name, channels) = [("TempSensor1", 3), ("TempSensor2", 1)][kind - 2];
                        let reading = sensors.telemetry(name).unwrap().next().await.unwrap();
                        assert_eq!((reading.name.as_str(), reading.sensor_data.len()), (name, channels));
                    }
                }
            }
        });
    }
    eventually(tasks.join_all()).await;
    assert_eq!(setup.sensors.link().connection().number(), session, "all by one session");
    assert_eq!(setup.sensors.link().handler().late_replies(), 0);
}
