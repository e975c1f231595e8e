//! The same runs that train nothing, kept by SQLite in a folder and by PostgreSQL, side by side on one disk.

use std::path::Path;

use foldwise_tests::PostgresServer;

use crate::Outcome;
use crate::dispatch::{Case, WORKERS, measure};
use crate::noop::Calls;
use crate::section::Section;

const CASES: [Case; 2] = [
    Case { name: "one run at a time", trials: 4_000, width: Some(1), calls: Calls::Together },
    Case { name: "cohorts as planned", trials: 20_000, width: None, calls: Calls::Together },
];

/// Prints a table of both stores, in turn.
///
/// # Errors
/// When there is no PostgreSQL server, or a coordinator refuses something.
pub(crate) fn side_by_side(section: &mut Section) -> Outcome<()> {
    // On the disk that state folders of benchmarks lie on, and open to the server's own user.
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))?;
    let server = PostgresServer::durable(folder).ok_or("PostgreSQL's server is not installed")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    section.line(format!(
        "PostgreSQL's server shares the machine, and waits for the disk as SQLite does; {WORKERS} workers.\n"
    ));
    section.table(&[
        "runs that train nothing",
        "store",
        "runs",
        "runs/s",
        "results + next lease, ms: median",
        "99 of 100 below",
        "longest",
        "coordinator, CPU ms per 1,000 runs",
        "of SQLite's runs/s",
    ]);
    for (number, case) in CASES.iter().enumerate() {
        let mut first = None;
        for store in ["SQLite", "PostgreSQL"] {
            let database = (store == "PostgreSQL").then(|| server.database(&format!("bench{number}")));
            let mut measured = runtime.block_on(measure(case, database.as_deref()))?;
            let worked = &mut measured.worked;
            worked.completions.sort();
            let rate = worked.runs as f64 / worked.elapsed.as_secs_f64();
            let [median, most, longest] = [0.5, 0.99, 1.0].map(|share| worked.completions.at(share));
            let cpu = measured.cpu[0] * 1e6 / worked.runs as f64;
            let share = rate / *first.get_or_insert(rate);
            section.row(&[
                case.name.to_owned(),
                store.to_owned(),
                worked.runs.to_string(),
                format!("{rate:.0}"),
                format!("{median:.1}"),
                format!("{most:.1}"),
                format!("{longest:.1}"),
                format!("{cpu:.0}"),
                format!("{share:.2}"),
            ]);
        }
    }
    Ok(())
}
