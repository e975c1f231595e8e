//! What an agent and its trainers are told of the commands that studies may name.

use std::path::PathBuf;

use foldwise_worker::command::CommandRules;

/// What commands are always given of this process's environment, where it is there.
const HANDED_ON: [&str; 2] = ["PATH", "CUDA_VISIBLE_DEVICES"];
/// The most of a limit, MiB.
const MIB_MAX: u64 = 1 << 40;

/// What is allowed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CommandArguments {
    /// Let studies run the programs (`[command]`) and train the TorchScript modules in this folder, with all that this user
    /// may do; none by default.
    #[arg(long, env = "FOLDWISE_ALLOW_COMMANDS", value_name = "FOLDER")]
    allow_commands: Option<PathBuf>,
    /// Address space that a process of a command may have, MiB; any by default.
    #[arg(long, env = "FOLDWISE_COMMAND_MEMORY_MIB", value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=MIB_MAX))]
    command_memory_mib: Option<u64>,
    /// Size that a file of a command may have, MiB; any by default.
    #[arg(long, env = "FOLDWISE_COMMAND_FILE_MIB", value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=MIB_MAX))]
    command_file_mib: Option<u64>,
    /// Variables of this worker's environment that commands are given too, by name.
    #[arg(long, env = "FOLDWISE_COMMAND_ENV", value_name = "NAME,…", value_delimiter = ',')]
    command_env: Vec<String>,
}

impl CommandArguments {
    /// What is allowed, if anything is.
    pub(crate) fn rules(&self) -> Result<Option<CommandRules>, String> {
        let Some(folder) = &self.allow_commands else { return Ok(None) };
        let path = folder.canonicalize().map_err(|error| error.to_string());
        let folder = match path {
            Ok(path) if path.is_dir() => path,
            other => {
                let why = other.err().unwrap_or_else(|| "it is no folder".to_owned());
                return Err(format!(
                    "cannot allow commands of {}: {why} (--allow-commands)",
                    folder.display()
                ));
            }
        };
        let own = self.command_env.iter().map(String::as_str);
        let variable = |name: &str| {
            let value = std::env::var_os(name)?.into_string().ok()?;
            Some((name.to_owned(), value))
        };
        Ok(Some(CommandRules {
            folder,
            memory_bytes: self.command_memory_mib.map(|mib| mib << 20),
            file_bytes: self.command_file_mib.map(|mib| mib << 20),
            environment: HANDED_ON.into_iter().chain(own).filter_map(variable).collect(),
        }))
    }
}
