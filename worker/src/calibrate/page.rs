//! What was found, as a table for people.

use std::fmt::Write as _;

use foldwise_study::plan::{DeviceProfile, Point};

/// One line per point: speed-ups by width, and the width that plans take.
#[must_use]
pub fn table(profile: &DeviceProfile) -> String {
    let mut widths: Vec<usize> =
        profile.points.iter().flat_map(|point| &point.fused).map(|fused| fused.width).collect();
    widths.sort_unstable();
    widths.dedup();
    let mut text = String::from("network        cost/row  batch  alone, rows/s");
    for width in &widths {
        let _ = write!(text, "  {:>6}", format!("×{width}"));
    }
    text.push_str("  width\n");
    for point in &profile.points {
        text.push_str(&line(point, &widths));
    }
    text.push_str(
        "cost: multiply-accumulates of a row's forward pass; ×N: how many times as fast N train fused\n",
    );
    text
}

fn line(point: &Point, widths: &[usize]) -> String {
    let mut text = format!(
        "{:<13} {:>9}  {:>5}  {:>13}",
        point.shape.word(),
        point.multiply_accumulates,
        point.batch_size,
        point.rows_per_second
    );
    for &width in widths {
        let found = point.fused.iter().find(|fused| fused.width == width);
        let cell = found.map(|fused| format!("{:.2}", fused.speed_up)).unwrap_or_default();
        let _ = write!(text, "  {cell:>6}");
    }
    let _ = writeln!(text, "  {:>5}", point.width(1));
    text
}

#[cfg(test)]
mod tests {
    use foldwise_study::plan::DeviceProfile;
    use foldwise_study::spec::DeviceKind;

    #[test]
    fn every_point_has_a_line_with_the_width_that_pays() {
        let profile = DeviceProfile::shipped(DeviceKind::Cuda);
        let table = super::table(&profile);
        let line = table.lines().nth(1).expect("a line");
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[..4], ["linear", "1000000000", "64", "10000"]);
        assert_eq!(cells.last(), Some(&"128"));
        assert_eq!(table.lines().count(), profile.points.len() + 2);
    }
}
