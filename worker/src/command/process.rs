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

/// Lines that may wait for the trainer; a command that is further ahead waits.
const LINES_WAITING_MAX: usize = 256;
/// Of what a command prints, so many of the last bytes are kept.
const PRINTED_BYTES_MAX: usize = 16 << 10;
/// Of what a command printed, so many of the last lines and bytes are told.
const LINES_TOLD_MAX: usize = 20;
const BYTES_TOLD_MAX: usize = 3_000;

/// After a keeper's end its report is at its end within so many times this; what keeps it open longer has left the command's
/// group while nobody kept it.
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
    listener: Option<std::thread::JoinHandle<()>>,
    group: Option<Pid>,
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
        let mut keeper = Command::new(std::env::current_exe()?)
            .arg("keeper")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
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
        let listener = Some(std::thread::spawn(move || keep_last(output, &kept)));
        Ok(Process { keeper, orders: Some(orders), heard, printed, listener, group: None })
    }
}

impl Process {
    /// What is heard next, if anything is within this time.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Heard> {
        let line = match self.heard.recv_timeout(patience) {
            Ok(Heard::Line(line)) => line,
            Ok(ended) => return Some(ended),
            Err(RecvTimeoutError::Timeout) => {
                let lost = !self.keeps();
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

    /// The last of what it printed, once it has ended.
    pub(crate) fn printed(&mut self) -> String {
        if let Some(listener) = self.listener.take() {
            // It ends with the keeper's output.
            let _ = listener.join();
        }
        let bytes: Vec<u8> =
            self.printed.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        last_lines(&String::from_utf8_lossy(&bytes))
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
        let mut silences = 0;
        // Nothing is listened to any more, which must not keep the keeper from its last words.
        while silences < SILENCES_MAX {
            match self.heard.recv_timeout(SILENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => silences += u32::from(!self.keeps()),
            }
        }
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
    use std::io::{BufReader, Cursor};
    use std::sync::Mutex;

    use super::{LINE_BYTES_MAX, LINES_TOLD_MAX, PRINTED_BYTES_MAX, keep_last, last_lines, next_line};

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
