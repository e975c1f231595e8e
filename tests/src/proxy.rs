//! A bad line: passes bytes on between workers and a coordinator until it is told not to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use crate::patience::let_pass;

/// How long a connection without traffic takes to notice that it was reset.
const LOOK: Duration = Duration::from_millis(50);

/// What the line does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Passes,
    /// Late by so much, piece by piece.
    Delays(Duration),
    /// Keeps them until it passes them on again, as a network does whose cable is out.
    Holds,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    /// Connections of an earlier generation are reset.
    generation: u64,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// A line to one address. It lasts as long as the test's process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Shared,
}

impl Proxy {
    /// Lays a line to a coordinator's address.
    #[must_use]
    pub fn to(target: &str) -> Self {
        let target: SocketAddr = target.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { mood: Mood::Passes, generation: 0 };
        let shared: Shared = Arc::new((Mutex::new(state), Condvar::new()));
        let line = Arc::clone(&shared);
        std::thread::spawn(move || {
            for incoming in listener.incoming() {
                // Whoever called has hung up again, or nobody answers at the other end.
                let (Ok(near), Ok(far)) = (incoming, TcpStream::connect(target)) else { continue };
                connect(&near, &far, &line);
            }
        });
        Self { address, shared }
    }

    /// The near end, as a coordinator's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Keeps every byte back.
    pub fn hold(&self) {
        self.set(|state| state.mood = Mood::Holds);
    }

    /// Passes bytes on, those that were kept back too.
    pub fn pass(&self) {
        self.set(|state| state.mood = Mood::Passes);
    }

    /// Passes bytes on late.
    pub fn delay(&self, time: Duration) {
        self.set(|state| state.mood = Mood::Delays(time));
    }

    /// Resets every connection there is, with what was kept back; new ones are taken.
    pub fn reset(&self) {
        self.set(|state| state.generation += 1);
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }
}

/// Passes bytes on both ways until either end closes or the line is reset.
fn connect(near: &TcpStream, far: &TcpStream, shared: &Shared) {
    let generation = shared.0.lock().unwrap().generation;
    for stream in [near, far] {
        stream.set_read_timeout(Some(LOOK)).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    for (from, to) in [(near, far), (far, near)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            if pump(&from, &to, &shared, generation).is_none() {
                reset_when_closed(&from);
                reset_when_closed(&to);
            } else {
                // The other way has nothing to say to someone who is gone; it ends too.
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            }
        });
    }
}

/// Ends with `None` when the line was reset.
fn pump(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared, generation: u64) -> Option<()> {
    let mut bytes = [0; 16 << 10];
    loop {
        let count = match from.read(&mut bytes) {
            Ok(0) => return Some(()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
            Err(_) => return Some(()),
        };
        let mut state = shared.0.lock().unwrap();
        while state.mood == Mood::Holds && count > 0 && state.generation == generation {
            state = shared.1.wait(state).unwrap();
        }
        if state.generation != generation {
            return None;
        }
        let mood = state.mood;
        drop(state);
        if let (Mood::Delays(time), true) = (mood, count > 0) {
            let_pass(time, "the line is slow");
        }
        if to.write_all(&bytes[..count]).is_err() {
            return Some(());
        }
    }
}

/// The last one who closes it sends a reset, and no proper end.
fn reset_when_closed(stream: &TcpStream) {
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(stream, sockopt::Linger, &linger).unwrap();
}
