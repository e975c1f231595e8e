//! The command lines and variables that files in `deploy/` name, and the programs that understand them or not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use foldwise_tests::{Finished, foldwise, worker_program};
use serde_json::Value;

use crate::tree;

/// What a program is told: a command, and options after it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// `foldwise` or `foldwise-worker`.
    program: &'static str,
    /// Such as `coordinator`.
    command: String,
    options: Vec<String>,
}

/// What the programs understand.
pub(crate) struct Programs {
    /// The options of each command, by program and command.
    options: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// The variables that are read anywhere.
    variables: BTreeSet<String>,
}

const PROGRAMS: [&str; 2] = ["foldwise", "foldwise-worker"];

impl Programs {
    /// Asks the built programs for their commands and options, and the sources for their variables.
    pub(crate) fn ask() -> Self {
        let mut options = BTreeMap::new();
        for program in PROGRAMS {
            let help = help(program, &[]);
            let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
            for line in commands.take_while(|line| !line.is_empty()) {
                let Some(command) = line.trim().split(' ').next().filter(|command| *command != "help") else {
                    continue;
                };
                let text = help_of(program, command);
                options.insert((program, command.to_owned()), named(&text));
            }
        }
        let rooms = ["cli", "coordinator", "data", "line", "worker"];
        let variables =
            rooms.iter().flat_map(|room| read_in(&tree::root().join("..").join(room).join("src")));
        Self { options, variables: variables.collect() }
    }

    /// What is wrong with a line.
    pub(crate) fn check(&self, line: &Line) -> Option<String> {
        let Some(known) = self.options.get(&(line.program, line.command.clone())) else {
            return Some(format!("{} has no command {}", line.program, line.command));
        };
        let unknown = line.options.iter().find(|option| !known.contains(*option));
        unknown.map(|option| format!("{} {} has no {option}", line.program, line.command))
    }

    /// Whether a program reads it.
    pub(crate) fn knows_variable(&self, name: &str) -> bool {
        self.variables.contains(name)
    }

    /// Whether a word is a command of a program.
    fn is_command(program: &str, word: &str) -> bool {
        let mut chars = word.chars();
        let lower = chars.all(|char| char.is_ascii_lowercase() || char == '-') && !word.is_empty();
        lower && !word.starts_with('-') && (program == "foldwise" || matches!(word, "agent" | "calibrate"))
    }
}

fn help(program: &str, words: &[&str]) -> String {
    let mut command = if program == "foldwise" { foldwise() } else { worker_program() };
    Finished::of(command.args(words).arg("--help")).success()
}

/// A command's help, with that of the commands below it.
fn help_of(program: &str, command: &str) -> String {
    let mut text = help(program, &[command]);
    let below: Vec<String> = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.trim().split(' ').next().map(str::to_owned))
        .filter(|below| below != "help")
        .collect();
    for below in below {
        text.push_str(&help(program, &[command, &below]));
    }
    text
}

/// The options that a help text names.
fn named(help: &str) -> BTreeSet<String> {
    let words = help.split(|char: char| !(char.is_ascii_alphanumeric() || char == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

/// Variables that the sources in a folder name; a room that is not there reads none.
fn read_in(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(read_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(variables(&fs::read_to_string(path).expect("reads")));
        }
    }
    found
}

/// Variables of Foldwise that a text names.
pub(crate) fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|char: char| !(char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_'));
    words.filter(|word| word.starts_with("FOLDWISE_") && word.len() > 9).map(str::to_owned).collect()
}

/// The command lines in a file.
pub(crate) fn said(path: &str, text: &str) -> Vec<Line> {
    if path.ends_with(".yaml") {
        let mut found = Vec::new();
        tree::documents(path).iter().for_each(|document| lists(document, &mut found));
        return found;
    }
    let whole = text.replace("\\\n", " ");
    whole.lines().flat_map(words).collect()
}

/// Lists of words anywhere in a document.
fn lists(value: &Value, found: &mut Vec<Line>) {
    match value {
        Value::Array(values) => {
            let words: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            match words {
                Some(words) => found.extend(line(&words)),
                None => values.iter().for_each(|value| lists(value, found)),
            }
        }
        Value::Object(fields) => fields.values().for_each(|value| lists(value, found)),
        _ => {}
    }
}

/// An argument list, which may begin with the program or, where the image has it, with the command.
fn line(words: &[&str]) -> Option<Line> {
    let words = if words.first() == Some(&"CMD") { &words[1..] } else { words };
    let (program, rest) = match words.split_first()? {
        (&"coordinator", _) => ("foldwise", words),
        (&"agent", _) => ("foldwise-worker", words),
        (first, rest) => (program(first)?, rest),
    };
    let (command, options) = rest.split_first()?;
    Some(Line { program, command: (*command).to_owned(), options: options_in(options) })
}

fn program(word: &str) -> Option<&'static str> {
    let name = word.rsplit('/').next().unwrap_or(word);
    PROGRAMS.into_iter().find(|program| *program == name)
}

/// The command lines in a line of text: a program's name, a command, and options up to what ends a command.
fn words(text: &str) -> Vec<Line> {
    let bare = |word: &str| word.trim_matches(|char| "\"'`[],;().".contains(char)).to_owned();
    let words: Vec<(String, bool)> = text.split_whitespace().map(|word| (bare(word), ends(word))).collect();
    let mut found = Vec::new();
    for place in 0..words.len().saturating_sub(1) {
        let (first, second) = (words[place].0.as_str(), words[place + 1].0.as_str());
        // A path at the end of a command, or a namespace.
        if words[place].1 || (place > 0 && words[place - 1].0 == "-n") {
            continue;
        }
        // The batch script has the worker's place in a variable.
        let named = if first == "$worker" { Some("foldwise-worker") } else { program(first) };
        let Some(program) = named.filter(|program| Programs::is_command(program, second)) else { continue };
        let mut options = Vec::new();
        let ended = words[place + 1].1;
        for (word, ends) in words.iter().skip(place + 2).take_while(|_| !ended) {
            options.push(word.as_str());
            if *ends {
                break;
            }
        }
        found.push(Line { program, command: second.to_owned(), options: options_in(&options) });
    }
    found
}

/// Whether a word ends a command line in prose or in a shell.
fn ends(word: &str) -> bool {
    let quoted = word.trim_end_matches([',', '.', ';', ':', ')']).ends_with('`');
    quoted || word.ends_with([';', ']']) || matches!(word, "&" | "&&" | "|" | "#")
}

fn options_in(words: &[&str]) -> Vec<String> {
    let options = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
    options.map(|word| word.split('=').next().unwrap_or(word).to_owned()).collect()
}

/// What a worker is told of `--grace-seconds`.
pub(crate) fn grace(words: &[String]) -> Option<u64> {
    let place = words.iter().position(|word| word == "--grace-seconds")?;
    words.get(place + 1)?.parse().ok()
}

#[test]
fn lines_are_found_in_lists_and_in_text() {
    let of = |program, command: &str, options: &[&str]| Line {
        program,
        command: command.to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    };
    let list = ["agent", "--grace-seconds", "60"];
    assert_eq!(line(&list), Some(of("foldwise-worker", "agent", &["--grace-seconds"])));
    assert_eq!(
        line(&["CMD", "/usr/local/bin/foldwise", "health", "-q"]),
        Some(of("foldwise", "health", &[]))
    );
    assert_eq!(line(&["10.0.0.0/8"]), None);
    let text = "ExecStart=/usr/local/bin/foldwise coordinator --state=/x --insecure # --no";
    assert_eq!(words(text.split_once('=').unwrap().1)[0].options, ["--state", "--insecure"]);
    assert_eq!(words("kubectl -n foldwise create secret --from-file=x"), []);
    let text = "`foldwise drain den`, and `foldwise backup /b --state /s`; `--this` is not theirs";
    assert_eq!(words(text), [of("foldwise", "drain", &[]), of("foldwise", "backup", &["--state"])]);
}
