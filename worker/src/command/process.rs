//! A command as the trainer sees it: started through its keeper, its lines, its end, and the last of what it printed.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::keeper::{ASK, END, Errand, MARK, Word};
use super::lines::LINE_BYTES_MAX;
use crate::machine;

/// Lines that may wait for the trainer; a command that is further ahead waits.
const LINES_WAITING_MAX: usize = 256;
/// Of what a command prints, so many of the last bytes are kept.
const PRINTED_BYTES_MAX: usize = 16 << 10;
/// Of what a command printed, so many of the last lines and bytes are told.
const LINES_TOLD_MAX: usize = 20;
const BYTES_TOLD_MAX: usize = 3_000;

/// After a keeper's end its report and its output are at their ends within so many times this; what keeps them open longer has
/// left the command's group while nobody kept it.
const SILENCE: Duration = Duration::from_millis(50);
const SILENCES_MAX: u32 = 20;

/// A keeper that waits for its errand: coming up takes this program a moment, which so is not a run's.
#[derive(Debug)]
pub(crate) struct Standby {
    keeper: Child,
    orders: ChildStdin,
}

/// A command that was started. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    keeper: Child,
    /// Nothing once the command was killed.
    orders: Option<ChildStdin>,
    heard: Receiver<Heard>,
    printed: Arc<Mutex<VecDeque<u8>>>,
    /// Says nothing, and is closed when all that it prints has come in.
    printing: Receiver<()>,
    group: Option<Pid>,
    /// Times that nothing was heard while no keeper ran.
    silences: u32,
}

/// What is heard of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A line of its report, cut where it is longer than any may be.
    Line(Vec<u8>),
    /// It ended.
    Ended(End),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was never started.
    Unstarted(String),
    /// Its keeper ended before it.
    Lost,
}

impl Standby {
    /// Starts a keeper.
    pub(crate) fn start() -> io::Result<Self> {
        let mut program = machine::this_program()?;
        Self::of(program.arg("keeper"))
    }

    /// Starts a program as a keeper.
    fn of(program: &mut Command) -> io::Result<Self> {
        let mut keeper =
            program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let orders = keeper.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { keeper, orders })
    }

    /// Has it start a command.
    pub(crate) fn send(self, errand: &Errand) -> io::Result<Process> {
        let Self { mut keeper, mut orders } = self;
        let report = keeper.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let output = keeper.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = serde_json::to_vec(errand)?;
        line.push(b'\n');
        orders.write_all(&line)?;
        let (sender, heard) = mpsc::sync_channel(LINES_WAITING_MAX);
        std::thread::spawn(move || listen(report, &sender));
        let printed = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&printed);
        let (open, printing) = mpsc::channel();
        std::thread::spawn(move || {
            keep_last(output, &kept);
            drop(open);
        });
        Ok(Process { keeper, orders: Some(orders), heard, printed, printing, group: None, silences: 0 })
    }
}

impl Process {
    /// What is heard next, if anything is within this time.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Heard> {
        let line = match self.heard.recv_timeout(patience) {
            Ok(Heard::Line(line)) => line,
            Ok(ended) => return Some(ended),
            Err(RecvTimeoutError::Timeout) => {
                // The last word of a keeper that is gone may still be on its way.
                self.silences += u32::from(!self.keeps());
                let lost = self.silences >= SILENCES_MAX;
                return lost.then_some(Heard::Ended(End::Lost));
            }
            Err(RecvTimeoutError::Disconnected) => return Some(Heard::Ended(End::Lost)),
        };
        let Some(word) = line.strip_prefix(&[MARK]) else { return Some(Heard::Line(line)) };
        match serde_json::from_slice(word) {
            Ok(Word::Group(group)) if self.group.is_none() => {
                self.group = Pid::from_raw(group).filter(|group| group.as_raw_nonzero().get() > 1);
                None
            }
            Ok(Word::Code(code)) => Some(Heard::Ended(End::Code(code))),
            Ok(Word::Signal(signal)) => Some(Heard::Ended(End::Signal(signal))),
            Ok(Word::Unstarted(reason)) => Some(Heard::Ended(End::Unstarted(reason))),
            // Not the keeper's.
            Ok(Word::Group(_)) | Err(_) => Some(Heard::Line(line)),
        }
    }

    /// Asks the command itself to come to an end.
    pub(crate) fn ask(&mut self) {
        self.order(ASK);
    }

    /// Asks all of its processes to end.
    pub(crate) fn end(&mut self) {
        self.order(END);
    }

    /// Ends all of it.
    pub(crate) fn kill(&mut self) {
        self.orders = None;
    }

    /// The last of what it printed, once it has ended: as far as it has come in where its output is kept open.
    pub(crate) fn printed(&mut self) -> String {
        self.exhaust(|process| &process.printing);
        let bytes: Vec<u8> =
            self.printed.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        last_lines(&String::from_utf8_lossy(&bytes))
    }

    /// Takes in what comes of something until its end, or until there is no keeper and nothing has come for some time.
    fn exhaust<T>(&mut self, of: fn(&Self) -> &Receiver<T>) {
        let mut silences = 0;
        while silences < SILENCES_MAX {
            match of(self).recv_timeout(SILENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => silences += u32::from(!self.keeps()),
            }
        }
    }

    /// Whether its keeper runs. Of one that was killed the command is ended here.
    fn keeps(&mut self) -> bool {
        let runs = matches!(self.keeper.try_wait(), Ok(None));
        if let (Some(group), false) = (self.group, runs) {
            // There may be nothing left.
            let _ = kill_process_group(group, Signal::KILL);
        }
        runs
    }

    fn order(&mut self, order: u8) {
        if let Some(orders) = &mut self.orders {
            // A keeper that cannot be told has ended, which is heard next.
            let _ = orders.write_all(&[order]).and_then(|()| orders.flush());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.orders = None;
        // Nothing is listened to any more, which must not keep the keeper from its last words.
        self.exhaust(|process| &process.heard);
        let _ = self.keeper.wait();
    }
}

fn listen(report: impl Read, sender: &SyncSender<Heard>) {
    let mut report = BufReader::new(report);
    while let Ok(Some(line)) = next_line(&mut report) {
        if sender.send(Heard::Line(line)).is_err() {
            return;
        }
    }
}

/// The next line without its end, cut after one byte more than a line may have; nothing at the end of the report.
fn next_line(report: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = LINE_BYTES_MAX as u64 + 1;
    report.by_ref().take(most).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == most {
        skip_line(report)?;
    }
    Ok(Some(line))
}

fn skip_line(report: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = report.fill_buf()?;
        let (length, over) = match bytes.iter().position(|&byte| byte == b'\n') {
            Some(place) => (place + 1, true),
            None => (bytes.len(), bytes.is_empty()),
        };
        report.consume(length);
        if over {
            return Ok(());
        }
    }
}

fn keep_last(mut output: impl Read, kept: &Mutex<VecDeque<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(length) = output.read(&mut bytes) {
        if length == 0 {
            return;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&bytes[..length]);
        let surplus = kept.len().saturating_sub(PRINTED_BYTES_MAX);
        kept.drain(..surplus);
    }
}

/// The last lines of a text, without control characters.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(LINES_TOLD_MAX)..].join("\n");
    let start = last.ceil_char_boundary(last.len().saturating_sub(BYTES_TOLD_MAX));
    last[start..].chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::fs;
    use std::io::{BufReader, Cursor};
    use std::path::Path;
    use std::process::Command;
    use std::sync::Mutex;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_process};

    use super::super::keeper::Errand;
    use super::{
        End, Heard, LINE_BYTES_MAX, LINES_TOLD_MAX, PRINTED_BYTES_MAX, Process, SILENCE, Standby, keep_last,
        last_lines, next_line,
    };

    /// A command that is kept by a script, which begins in a folder.
    fn kept_by(script: &str, folder: &Path) -> Process {
        let keeper = Standby::of(Command::new("sh").arg("-c").arg(script).current_dir(folder));
        let errand = Errand {
            program: "train.sh".into(),
            arguments: Vec::new(),
            folder: folder.to_owned(),
            environment: Vec::new(),
            memory_bytes: None,
            file_bytes: None,
        };
        keeper.and_then(|keeper| keeper.send(&errand)).expect("starts")
    }

    fn heard(process: &mut Process) -> Heard {
        loop {
            if let Some(heard) = process.next(SILENCE) {
                return heard;
            }
        }
    }

    /// Waits until the keeper is gone.
    fn unkept(process: &mut Process) {
        while process.keeps() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn output_that_outlives_the_keeper_is_told_as_far_as_it_has_come() {
        let folder = tempfile::tempdir().expect("folder");
        // What is left behind keeps the output open, and the report closed.
        let script = "read -r errand; echo 'out of memory' >&2; setsid sleep 1000 >/dev/null & echo $!";
        let mut process = kept_by(script, folder.path());
        let Heard::Line(number) = heard(&mut process) else { panic!("a process's number") };
        let number = String::from_utf8(number).expect("is text").parse().expect("is a number");
        assert_eq!(heard(&mut process), Heard::Ended(End::Lost));
        assert_eq!(process.printed(), "out of memory");
        let left = Pid::from_raw(number).expect("is one");
        kill_process(left, Signal::KILL).expect("it outlived everything else");
    }

    #[test]
    fn the_last_word_of_a_keeper_that_is_gone_is_waited_for() {
        let folder = tempfile::tempdir().expect("folder");
        let script = "read -r errand; mkfifo word; (cat word) & echo";
        let mut process = kept_by(script, folder.path());
        assert_eq!(heard(&mut process), Heard::Line(Vec::new()));
        unkept(&mut process);
        assert_eq!(process.next(Duration::from_millis(1)), None, "nothing came, and something may");
        fs::write(folder.path().join("word"), "\u{1e}{\"code\":0}\n").expect("writes");
        assert_eq!(heard(&mut process), Heard::Ended(End::Code(0)));
    }

    #[test]
    fn a_keeper_that_is_gone_without_a_word_is_lost_though_its_report_is_open() {
        let folder = tempfile::tempdir().expect("folder");
        let script = "read -r errand; mkfifo word; (cat word) & echo";
        let mut process = kept_by(script, folder.path());
        assert_eq!(heard(&mut process), Heard::Line(Vec::new()));
        assert_eq!(heard(&mut process), Heard::Ended(End::Lost));
        fs::write(folder.path().join("word"), "").expect("lets what was left end");
    }

    #[test]
    fn lines_are_cut_and_the_next_begins_after_the_end() {
        let long = vec![b'x'; LINE_BYTES_MAX + 50];
        let text = [b"one\n\n", long.as_slice(), b"\ntwo"].concat();
        let mut report = BufReader::new(Cursor::new(text));
        let mut lengths = Vec::new();
        while let Some(line) = next_line(&mut report).expect("reads") {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [3, 0, LINE_BYTES_MAX + 1, 3]);
    }

    #[test]
    fn of_what_is_printed_the_last_is_kept_and_told() {
        let lines: String = (0..10_000).map(|line| format!("line {line}\n")).collect();
        let kept = Mutex::new(VecDeque::new());
        keep_last(lines.as_bytes(), &kept);
        assert_eq!(kept.lock().expect("whole").len(), PRINTED_BYTES_MAX);
        let told = last_lines(&lines);
        assert_eq!((told.lines().count(), told.lines().last()), (LINES_TOLD_MAX, Some("line 9999")));
        assert_eq!(last_lines("\x1b[31mred\r\n\n"), "[31mred");
        assert_eq!(last_lines(&"ä".repeat(5_000)).len(), 3_000);
    }
}
