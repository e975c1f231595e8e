//! `foldwise plan`: what a study would do, without starting anything.

use clap::{Args, ValueEnum};
use foldwise_study::spec::DeviceKind;

use super::told_to_programs;
use crate::arguments::{ScaleArguments, SpecArguments};
use crate::error::CliError;
use crate::output::{self, Format};
use crate::spec_file::SpecText;

mod cost;
mod page;
mod preview;
mod view;

pub(super) use preview::scaled_preview;
use view::PlanView;

/// What `foldwise plan` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldwise plan studies/quickstart.toml
  foldwise plan study.yaml --device cuda --cohorts
  foldwise plan study.toml --format json | jq '.trials[].parameter_count'")]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    spec: SpecArguments,
    #[command(flatten)]
    scale: ScaleArguments,
    /// The kind of device to plan for; by default the study's, else cpu
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// List the cohorts, with the runs of each
    #[arg(long)]
    cohorts: bool,
    /// List every trial, however many there are
    #[arg(long)]
    all: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Device {
    /// Processor cores.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

pub(super) async fn execute(arguments: &PlanArguments) -> Result<(), CliError> {
    let text = SpecText::read(&arguments.spec)?;
    let checked = scaled_preview(text, arguments.scale.scale).await;
    let (_, study) = checked.map_err(|error| told_to_programs(error, arguments.format))?;
    let device = arguments.device.map(|device| match device {
        Device::Cpu => DeviceKind::Cpu,
        Device::Cuda => DeviceKind::Cuda,
    });
    let device = device.or(study.spec.plan.device).unwrap_or(DeviceKind::Cpu);
    let view = PlanView::new(&study, device);
    match arguments.format {
        Format::Json => output::print_json(&view)?,
        Format::Table => output::print(&page::page(&view, arguments.all, arguments.cohorts))?,
    }
    Ok(())
}
