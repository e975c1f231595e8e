//! Small real files to learn from: pictures of digits as IDX files, drawn here so that no download is needed.

use std::path::Path;

/// Side of a picture.
const SIDE: usize = 8;
/// Strokes of each class on a 3×3 board: top, middle and bottom rows, left and right columns.
const STROKES: [[u8; 5]; 4] = [[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 1, 1, 1], [1, 1, 1, 0, 0]];

/// Writes IDX files of `train` and `test` noisy 8×8 pictures of four classes into a folder and returns the `[data]`
/// section that names them.
#[must_use]
pub fn small_pictures(folder: &Path, train: usize, test: usize) -> String {
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let names = [("train", train), ("test", test)].map(|(part, rows)| {
        let mut pictures = header(&[rows, SIDE, SIDE]);
        let mut labels = header(&[rows]);
        for _ in 0..rows {
            let label = u8::try_from(random(&mut noise) % 4).unwrap();
            let class = usize::from(label);
            labels.push(label);
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let [top, middle, bottom, left, right] = STROKES[class];
                    let lit = [
                        (top, y < 2),
                        (middle, (3..5).contains(&y)),
                        (bottom, y > 5),
                        (left, x < 2),
                        (right, x > 5),
                    ];
                    let ink = lit.iter().any(|&(stroke, here)| stroke == 1 && here);
                    let value = if ink { 72 } else { 60 } + random(&mut noise) % 120;
                    pictures.push(u8::try_from(value).unwrap());
                }
            }
        }
        let paths = ["features", "labels"].map(|kind| folder.join(format!("{part}-{kind}.idx")));
        std::fs::write(&paths[0], pictures).unwrap();
        std::fs::write(&paths[1], labels).unwrap();
        paths.map(|path| path.display().to_string())
    });
    let [[train_features, train_labels], [test_features, test_labels]] = names;
    format!(
        "[data.idx]\ntrain_features = \"{train_features}\"\ntrain_labels = \"{train_labels}\"\n\
         test_features = \"{test_features}\"\ntest_labels = \"{test_labels}\"\n"
    )
}

fn header(dimensions: &[usize]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, u8::try_from(dimensions.len()).unwrap()];
    for &dimension in dimensions {
        bytes.extend(u32::try_from(dimension).unwrap().to_be_bytes());
    }
    bytes
}

/// Marsaglia's xorshift: the same pictures every time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 33
}
