//! A direction the dome can be sent to.

use std::fmt;

use thiserror::Error;

/// A direction in hundredths of a degree, the resolution of the protocol: 0 ≤ azimuth < 360 degrees.
///
/// ```
/// use atdome_controller::Azimuth;
///
/// let azimuth = Azimuth::try_from(280.0)?;
/// assert_eq!(azimuth.to_string(), "280.00");
/// assert!(Azimuth::try_from(400.0).is_err());
/// # Ok::<(), atdome_controller::NotAnAzimuth>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Azimuth {
    hundredths: u16,
}

/// The number is not an azimuth: it is not within 0 ≤ degrees < 360.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{degrees} is not within 0 ≤ degrees < 360")]
pub struct NotAnAzimuth {
    /// The number.
    pub degrees: f64,
}

impl Azimuth {
    /// The direction in degrees.
    #[must_use]
    pub fn degrees(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }
}

impl TryFrom<f64> for Azimuth {
    type Error = NotAnAzimuth;

    /// Rounds to hundredths; what is rounded up to the whole circle is 0.
    ///
    /// # Errors
    ///
    /// [`NotAnAzimuth`] when the number is negative, 360 or more, or not a number.
    fn try_from(degrees: f64) -> Result<Self, NotAnAzimuth> {
        if !(0.0..360.0).contains(&degrees) {
            return Err(NotAnAzimuth { degrees });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 36000 by the check above")]
        let hundredths = (degrees * 100.0).round() as u16;
        Ok(Self { hundredths: hundredths % 36_000 })
    }
}

impl fmt::Display for Azimuth {
    /// Degrees with two decimals, as the protocol writes them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Azimuth;

    /// The text has two decimals and never leaves the circle.
    #[test]
    fn azimuths_are_written_in_hundredths_of_a_degree() {
        for (degrees, text) in [(0.0, "0.00"), (-0.0, "0.00"), (9.05, "9.05"), (280.0, "280.00"), (359.994, "359.99")] {
            assert_eq!(Azimuth::try_from(degrees).unwrap().to_string(), text);
        }
        assert_eq!(Azimuth::try_from(359.996).unwrap(), Azimuth::try_from(0.0).unwrap());
    }

    /// What is no direction is refused before it is sent.
    #[test]
    fn numbers_outside_the_circle_are_refused() {
        for degrees in [-0.01, 360.0, 400.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Azimuth::try_from(degrees).is_err(), "{degrees}");
        }
        assert_eq!(Azimuth::try_from(400.0).unwrap_err().to_string(), "400 is not within 0 ≤ degrees < 360");
    }
}
