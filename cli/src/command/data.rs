//! `foldwise data`: the datasets that are known by name.

use clap::{Args, Subcommand};
use foldwise_data::{Cache, DataError, catalogue};
use serde::Serialize;

use crate::error::CliError;
use crate::output::{self, Format};
use crate::quantity;
use crate::table::{self, Column};

mod download;

pub(super) use download::fetch;

/// What `foldwise data` is told.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// List the datasets, and which of them are on this machine
    List(DataListArguments),
    /// Bring datasets to this machine, checked against their published checksums
    Fetch(FetchArguments),
    /// Check the datasets on this machine against their published checksums
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
struct DataListArguments {
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct FetchArguments {
    /// The datasets
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct VerifyArguments {
    /// The datasets; by default those that are on this machine
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A dataset in JSON.
#[derive(Debug, Serialize)]
struct DatasetView {
    name: &'static str,
    description: &'static str,
    license: &'static str,
    row_shape: &'static [usize],
    classes: &'static [&'static str],
    train_rows: usize,
    test_rows: usize,
    bytes: u64,
    folder: String,
    here: bool,
}

/// A dataset that is here and whole.
#[derive(Debug, Serialize)]
struct PlaceView {
    name: String,
    folder: String,
}

pub(super) async fn execute(arguments: DataArguments) -> Result<(), CliError> {
    let cache = Cache::from_environment()?;
    match arguments.command {
        DataCommand::List(list) => show(&cache, list.format),
        DataCommand::Fetch(arguments) => {
            let mut places = Vec::new();
            for name in arguments.names {
                let folder = fetch(&name, &cache).await?;
                places.push(PlaceView { name, folder: folder.display().to_string() });
            }
            tell(&places, arguments.format)
        }
        DataCommand::Verify(arguments) => {
            let here = || views(&cache).into_iter().filter(|set| set.here).map(|set| set.name.to_owned());
            let names = if arguments.names.is_empty() { here().collect() } else { arguments.names };
            let mut places = Vec::new();
            for name in names {
                let folder = verify(name.clone(), &cache).await?;
                places.push(PlaceView { name, folder: folder.display().to_string() });
            }
            tell(&places, arguments.format)
        }
    }
}

async fn verify(name: String, cache: &Cache) -> Result<std::path::PathBuf, DataError> {
    let cache = cache.clone();
    let checked = tokio::task::spawn_blocking(move || foldwise_data::verify(&name, &cache)).await;
    checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn tell(places: &[PlaceView], format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => output::print_json(&places)?,
        Format::Table if places.is_empty() => {
            output::print("no datasets on this machine yet: bring some with `foldwise data fetch NAME`")?;
        }
        Format::Table => {
            for place in places {
                output::print(&format!("{} is whole, in {}", place.name, place.folder))?;
            }
        }
    }
    Ok(())
}

fn views(cache: &Cache) -> Vec<DatasetView> {
    let view = |entry: &'static foldwise_data::Entry| {
        let folder = cache.dataset_folder(entry.name);
        // Whether all files lie there; `verify` looks into them.
        let lies =
            |name: &str| [name.to_owned(), format!("{name}.gz")].iter().any(|n| folder.join(n).is_file());
        DatasetView {
            name: entry.name,
            description: entry.description,
            license: entry.license,
            row_shape: entry.shape,
            classes: entry.classes,
            train_rows: entry.train_rows,
            test_rows: entry.test_rows,
            bytes: entry.files.iter().map(|file| file.bytes).sum(),
            here: entry.files.iter().all(|file| lies(file.name)),
            folder: folder.display().to_string(),
        }
    };
    catalogue().iter().map(view).collect()
}

fn show(cache: &Cache, format: Format) -> Result<(), CliError> {
    let views = views(cache);
    if format == Format::Json {
        return Ok(output::print_json(&views)?);
    }
    let columns = [
        Column::Text("dataset"),
        Column::Text("rows of"),
        Column::Number("classes"),
        Column::Number("training"),
        Column::Number("test"),
        Column::Number("size"),
        Column::Text("here"),
        Column::Text("license"),
        Column::Text("description"),
    ];
    let rows = views.into_iter().map(|set| {
        vec![
            set.name.to_owned(),
            set.row_shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×"),
            set.classes.len().to_string(),
            quantity::count(set.train_rows as u64),
            quantity::count(set.test_rows as u64),
            quantity::bytes(set.bytes),
            if set.here { "yes" } else { "no" }.to_owned(),
            set.license.to_owned(),
            set.description.to_owned(),
        ]
    });
    let place = cache.folder().display();
    Ok(output::print(&format!("{}\nkept in {place}", table::table(&columns, rows)))?)
}
