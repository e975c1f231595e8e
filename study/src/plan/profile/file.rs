//! A profile as a TOML file.

use std::fmt::Write as _;
use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::{DeviceProfile, Point, ShapeClass};
use crate::spec::source::Node;
use crate::spec::{Format, Problem, Problems, schema};

/// The largest text that is read as a profile: far above any that is written.
const PROFILE_BYTES_MAX: usize = 1 << 20;
/// How the names of shipped profiles begin.
const OURS: &str = "shipped-";
/// What a speed-up can be: above this a file is mistaken.
const SPEED_UP_MAX: f64 = 1e6;

impl DeviceProfile {
    /// Reads a file's text and checks it whole.
    ///
    /// # Errors
    /// Every problem at once, each with its place and what to do about it.
    pub fn read(text: &str) -> Result<Self, Problems> {
        Self::read_unplaced(text).map_err(|problems| Problems::locate(problems, text))
    }

    fn read_unplaced(text: &str) -> Result<Self, Vec<Problem>> {
        Self::checked(text, false)
    }

    /// Reads the text of a shipped profile.
    pub(super) fn read_ours(text: &str) -> Result<Self, Vec<Problem>> {
        Self::checked(text, true)
    }

    fn checked(text: &str, ours: bool) -> Result<Self, Vec<Problem>> {
        if text.len() > PROFILE_BYTES_MAX {
            let message = format!("the text has {} bytes; at most {PROFILE_BYTES_MAX} are read", text.len());
            return Err(vec![Problem::new("", message).hint("is it a profile?")]);
        }
        let root = Node::parse(text, Format::Toml).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        schema::check(&root, schema_of_profile(), "", &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let profile: Self = serde_json::from_value(root.to_json())
            .map_err(|error| vec![Problem::new("", error.to_string())])?;
        let mut problems = profile.contradictions(ours);
        for problem in &mut problems {
            problem.span = root.place(&problem.path);
        }
        if problems.is_empty() { Ok(profile) } else { Err(problems) }
    }

    /// What no schema can say.
    fn contradictions(&self, ours: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !ours && self.name.starts_with(OURS) {
            let problem = Problem::new("name", format!("names that begin with `{OURS}` are Foldwise's own"));
            problems.push(problem.hint("choose another name"));
        }
        let positive = |number: f64, most: f64| number > 0.0 && number <= most;
        let mut seen: Vec<(ShapeClass, u64, usize)> = Vec::new();
        for (index, point) in self.points.iter().enumerate() {
            let path = |field: &str| format!("points.{index}.{field}");
            let key = (point.shape, point.multiply_accumulates, point.batch_size);
            if seen.contains(&key) {
                let problem = Problem::new(format!("points.{index}"), "says again what another point says");
                problems.push(problem.hint("leave one of them out"));
            }
            seen.push(key);
            if !positive(point.rows_per_second, f64::MAX) {
                let problem = Problem::new(path("rows_per_second"), "must be above 0");
                problems.push(problem.hint("measure anew with `foldwise worker calibrate`"));
            }
            if !point.fused.iter().all(|fused| positive(fused.speed_up, SPEED_UP_MAX)) {
                let message = format!("a speed-up must be above 0 and at most {SPEED_UP_MAX}");
                let hint = "measure anew with `foldwise worker calibrate`";
                problems.push(Problem::new(path("fused"), message).hint(hint));
            }
            if !point.fused.is_sorted_by(|a, b| a.width < b.width) {
                let message = "widths must rise, each given once";
                problems.push(Problem::new(path("fused"), message).hint("sort them"));
            }
        }
        problems
    }

    /// The file's text: what [`Self::read`] reads. The lines of `notes` become comments at its head.
    #[must_use]
    pub fn to_toml(&self, notes: &str) -> String {
        let mut text = String::new();
        for line in notes.lines() {
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        let Self { version, name, kind, memory_mib, slots, threads, points } = self;
        // Names hold nothing that TOML escapes, and writing to a text does not fail.
        let _ = write!(
            text,
            "version = {version}\nname = \"{name}\"\nkind = \"{}\"\nmemory_mib = {memory_mib}\nslots = {slots}\n\
             threads = {threads}\n",
            kind.word()
        );
        if points.is_empty() {
            text.push_str("points = []\n");
        }
        points.iter().for_each(|point| text.push_str(&point.to_toml()));
        text
    }
}

impl Point {
    fn to_toml(&self) -> String {
        let Self { shape, multiply_accumulates, batch_size, rows_per_second, fused } = self;
        let fused: Vec<String> = fused
            .iter()
            .map(|fused| format!("{{ width = {}, speed_up = {:?} }}", fused.width, fused.speed_up))
            .collect();
        format!(
            "\n[[points]]\nshape = \"{}\"\nmultiply_accumulates = {multiply_accumulates}\nbatch_size = {batch_size}\n\
             rows_per_second = {rows_per_second:?}\nfused = [{}]\n",
            shape.word(),
            fused.join(", ")
        )
    }
}

/// The schema that is derived from the types, with nothing left to refer to.
fn schema_of_profile() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<DeviceProfile>().to_value()
    })
}

#[cfg(test)]
mod tests {
    use super::DeviceProfile;
    use crate::spec::DeviceKind;

    const HEAD: &str =
        "version = 1\nname = \"den\"\nkind = \"cpu\"\nmemory_mib = 1024\nslots = 2\nthreads = 1\n";

    fn problem(text: &str) -> String {
        DeviceProfile::read(text).expect_err("is wrong").to_string()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for kind in DeviceKind::ALL {
            let mut profile = DeviceProfile::shipped(kind);
            profile.name = "mine".to_owned();
            let text = profile.to_toml("measured\n\nby hand");
            assert!(text.starts_with("# measured\n#\n# by hand\nversion = 1\n"), "{text}");
            let read = DeviceProfile::read(&text).expect("is a profile");
            assert_eq!(read, profile);
            assert_eq!(read.digest(), profile.digest());
        }
    }

    #[test]
    fn a_wrong_file_is_told_with_place_reason_and_remedy() {
        let point = |rest: &str| {
            format!("{HEAD}[[points]]\nshape = \"linear\"\nmultiply_accumulates = 9\nbatch_size = 8\n{rest}")
        };
        let cases = [
            (format!("{HEAD}points = []\nslot = 3\n"), "line 8, column 1: unknown key `slot`", "slots"),
            (HEAD.replace("cpu", "gpu") + "points = []", "line 3, column 8: kind: ", "did you mean"),
            (HEAD.replace("version = 1", "version = 2") + "points = []", "line 1, column 11: version: ", "1"),
            (
                HEAD.replace("den", "shipped-den") + "points = []",
                "line 2, column 8: name: ",
                "choose another",
            ),
            (point("rows_per_second = 0.0\n"), "line 11, column 19: points.0.rows_per_second: ", "calibrate"),
            (
                point(
                    "rows_per_second = 5.0\nfused = [{ width = 4, speed_up = 2.0 }, { width = 2, speed_up = 1.5 }]",
                ),
                "line 12, column 9: points.0.fused: widths must rise",
                "sort them",
            ),
            (point("rows_per_second = 5.0\nfused = [{ width = 1, speed_up = 2.0 }]"), "points.0.fused", "2"),
        ];
        for (text, begins, names) in cases {
            let found = problem(&text);
            assert!(found.contains(begins) && found.contains(names), "{found}\nfor\n{text}");
        }
        assert!(problem("name = ").contains("line 1"));
    }
}
