//! One actuator.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

/// How far an actuator reaches to each side, in millimetres.
const REACH: f64 = 10.0;

/// An actuator, which moves at a speed that is always the same.
#[derive(Debug, Default)]
pub(crate) struct Actuator {
    /// In millimetres: where it is, or where it began to move.
    position: f64,
    motion: Option<Motion>,
}

#[derive(Debug)]
struct Motion {
    to: f64,
    began: Instant,
    takes: Duration,
    /// Told when it is stopped.
    stop: oneshot::Sender<f64>,
}

impl Actuator {
    /// Begins to move: how long that will take, and what tells when it is stopped, and where.
    pub(crate) fn begin(&mut self, to: f64, speed: f64) -> Result<(Duration, oneshot::Receiver<f64>), String> {
        self.settle();
        if self.motion.is_some() {
            return Err("it moves already".to_owned());
        }
        if to.is_nan() || to.abs() > REACH {
            return Err(format!("{to} is beyond its reach"));
        }
        let takes = Duration::try_from_secs_f64((to - self.position).abs() / speed).unwrap_or(Duration::MAX);
        let (stop, stopped) = oneshot::channel();
        self.motion = Some(Motion { to, began: Instant::now(), takes, stop });
        Ok((takes, stopped))
    }

    /// Stops it: where it is.
    pub(crate) fn stop(&mut self) -> f64 {
        self.settle();
        self.position = self.position();
        if let Some(motion) = self.motion.take() {
            // Its client may be gone.
            let _ = motion.stop.send(self.position);
        }
        self.position
    }

    /// Where it is.
    pub(crate) fn position(&self) -> f64 {
        let Some(Motion { to, began, takes, .. }) = &self.motion else { return self.position };
        let elapsed = began.elapsed();
        if elapsed >= *takes { *to } else { self.position + (to - self.position) * elapsed.div_duration_f64(*takes) }
    }

    pub(crate) fn is_moving(&self) -> bool {
        self.motion.as_ref().is_some_and(|motion| motion.began.elapsed() < motion.takes)
    }

    /// A motion that has come to its end is none.
    fn settle(&mut self) {
        if !self.is_moving() {
            self.position = self.position();
            self.motion = None;
        }
    }
}
