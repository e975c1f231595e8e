//! How large a space is, counted before anything of that size is made.

use super::{Condition, Space, Values};
use crate::spec::Problem;
use crate::trials::TRIALS_MAX;

/// The most parameters that a space searches; each is compared with every other.
pub const PARAMETERS_MAX: usize = 1_000;

/// The most values that a space lists, those of ranges and of zipped parameters counted one by one: as many as the
/// largest grid has points, five times over for what is zipped.
pub const VALUES_MAX: usize = 5 * TRIALS_MAX;

/// The most settings that are looked at to check every point of a grid: its points, times what one of them sets and
/// is compared with. Some seconds of work.
pub const SETTINGS_MAX: usize = 20_000_000;

impl Values {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::List(values) => values.len(),
            Self::Linear(range) => range.steps,
            Self::Log(range) => range.steps,
        }
    }
}

impl Condition {
    fn count(&self) -> usize {
        match self {
            Self::Any(values) => values.len(),
            Self::Bounds(_) | Self::Is(_) => 1,
        }
    }
}

impl Space {
    /// The points of the full grid, excluded ones counted. Lists nothing.
    ///
    /// # Errors
    /// When the space has too many parameters, values or points.
    pub fn points(&self) -> Result<usize, Problem> {
        let refuse =
            |message: String| Err(Problem::new("space", message).hint("try fewer values, or zip parameters"));
        let parameters = self.dimensions().count();
        if parameters > PARAMETERS_MAX {
            return refuse(format!("{parameters} parameters are searched; at most {PARAMETERS_MAX} can be"));
        }
        let values = self.dimensions().fold(0_usize, |all, (_, values)| all.saturating_add(values.count()));
        if values > VALUES_MAX {
            return refuse(format!(
                "the parameters have {values} values together; at most {VALUES_MAX} are listed"
            ));
        }
        let zipped = self.zip.iter().map(|group| group.values().map(Values::count).min().unwrap_or(0));
        let lengths = self.single.values().map(Values::count).chain(zipped);
        match lengths.fold(1, usize::saturating_mul) {
            points if points <= TRIALS_MAX => Ok(points),
            _ => refuse(format!("the grid has more than {TRIALS_MAX} points")),
        }
    }

    /// Checks that the points of the grid can be looked at one by one, where each is set into a tree of `settings`
    /// values.
    ///
    /// # Errors
    /// As [`Self::points`], and when there is too much to look at.
    pub fn check_work(&self, settings: usize) -> Result<(), Problem> {
        let conditions: usize =
            self.exclude.iter().flat_map(|rule| rule.values()).map(Condition::count).sum();
        let points = self.points()?;
        let each = settings.saturating_add(conditions);
        if points.saturating_mul(each) > SETTINGS_MAX {
            let message = format!(
                "the {points} points of the grid, with {each} settings and conditions each, are too much to check"
            );
            return Err(Problem::new("space", message)
                .hint("try fewer values, or a shorter description of the network"));
        }
        Ok(())
    }
}
