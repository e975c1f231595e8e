//! `foldwise plan`: what a study would do, without starting anything.

use clap::{Args, ValueEnum};
use foldwise_coordinator::profiles;
use foldwise_study::plan::DeviceProfile;
use foldwise_study::spec::{DeviceKind, PlanSpec};

use super::told_to_programs;
use crate::arguments::{ProfileArguments, ScaleArguments, SpecArguments};
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
    #[command(flatten)]
    profiles: ProfileArguments,
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

/// The profile that a coordinator with these files would plan with on a kind of device.
fn profile(
    files: &ProfileArguments,
    plan: &PlanSpec,
    device: Option<DeviceKind>,
) -> Result<DeviceProfile, CliError> {
    let given = profiles::read(&files.files)?;
    let plan = PlanSpec { device: device.or(plan.device), ..plan.clone() };
    let serving = || DeviceProfile::serving(&given, plan.device.unwrap_or(DeviceKind::Cpu));
    Ok(DeviceProfile::chosen(&given, &plan)?.unwrap_or_else(serving))
}

pub(super) async fn execute(arguments: &PlanArguments) -> Result<(), CliError> {
    let text = SpecText::read(&arguments.spec)?;
    let checked = scaled_preview(text, arguments.scale.scale).await;
    let (_, study) = checked.map_err(|error| told_to_programs(error, arguments.format))?;
    let device = arguments.device.map(|device| match device {
        Device::Cpu => DeviceKind::Cpu,
        Device::Cuda => DeviceKind::Cuda,
    });
    let profile = profile(&arguments.profiles, &study.spec.plan, device)?;
    let view = PlanView::new(&study, &profile);
    match arguments.format {
        Format::Json => output::print_json(&view)?,
        Format::Table => output::print(&page::page(&view, arguments.all, arguments.cohorts))?,
    }
    Ok(())
}
