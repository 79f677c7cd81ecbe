//! Positions over time, a line for each moment.

/// How many places there are from the least to the greatest position.
const PLACES: f64 = 50.0;

/// A strip chart from a least to a greatest position.
pub(crate) struct Plot {
    min: f64,
    max: f64,
}

impl Plot {
    pub(crate) fn new(min: f64, max: f64) -> Self {
        Self { min, max }
    }

    /// One moment: where the axis is, and `|` where it was told to go.
    pub(crate) fn line(&self, position: f64, goal: f64) -> String {
        let [position_place, goal_place] = [position, goal].map(|at| self.place(at));
        let cells: String = (0..=50)
            .map(|cell| match f64::from(cell) {
                cell if (cell - position_place).abs() < 0.5 => '●',
                cell if (cell - goal_place).abs() < 0.5 => '|',
                _ => '·',
            })
            .collect();
        format!("{:>4} {cells} {:<4} {position:>8.3}", self.min, self.max)
    }

    /// The place of a position, rounded; the nearest end if it is beyond.
    fn place(&self, position: f64) -> f64 {
        ((position - self.min) / (self.max - self.min) * PLACES).round().clamp(0.0, PLACES)
    }
}

#[cfg(test)]
mod tests {
    use super::Plot;

    /// The ends, the middle, what is beyond, and a goal elsewhere have their places.
    #[test]
    fn positions_have_their_places() {
        let plot = Plot::new(-25.0, 25.0);
        let place = |line: String, mark: char| line.chars().skip(5).position(|cell| cell == mark);
        for (position, expected) in [(-25.0, 0), (25.0, 50), (0.0, 25), (30.0, 50), (-99.0, 0), (0.4, 25)] {
            assert_eq!(place(plot.line(position, position), '●'), Some(expected), "{position}");
        }
        assert_eq!(place(plot.line(0.0, 10.0), '|'), Some(35));
        assert_eq!(place(plot.line(0.0, 0.0), '|'), None);
    }
}
