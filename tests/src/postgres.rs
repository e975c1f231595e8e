//! A real PostgreSQL server of a test's own. It knows nothing of the other helpers, because the coordinator's tests take
//! this file too.
#![allow(clippy::disallowed_methods, reason = "waiting for a server needs a clock")]

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Where distributions keep the server's programs, beside PATH.
const FOLDERS: &str = "/usr/lib/postgresql";
/// Users that a server may run as where the test is root, which PostgreSQL refuses to be.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A PostgreSQL server in a folder of its own, with passwords. It ends with the test.
#[derive(Debug)]
pub struct PostgresServer {
    folder: tempfile::TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    server: Option<Child>,
    /// Whether it waits for the disk. Tests end servers, not machines.
    durable: bool,
}

impl PostgresServer {
    /// Starts one; says so and gives none where PostgreSQL is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), false)
    }

    /// The same in a folder, which waits for the disk as PostgreSQL does by itself.
    #[must_use]
    pub fn durable(folder: tempfile::TempDir) -> Option<Self> {
        Self::start_in(folder, true)
    }

    fn start_in(folder: tempfile::TempDir, durable: bool) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL's server (`initdb`, `postgres`) is not installed");
            return None;
        };
        let user = is_root().then(other_user);
        let mut server = Self { folder, programs, user, port: free_port(), server: None, durable };
        server.make();
        server.resume();
        Some(server)
    }

    /// Has it ask for TLS from now on, with a certificate and its key as PEM.
    pub fn protect(&mut self, cert: &str, key: &str) {
        self.stop();
        for (name, text) in [("server.crt", cert), ("server.key", key)] {
            let path = self.data().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = self.user {
                chown(&path, Some(user), Some(group)).unwrap();
            }
        }
        let settings = self.data().join("postgresql.auto.conf");
        fs::write(settings, "ssl = on\n").unwrap();
        // Its own tools come through the socket.
        fs::write(
            self.data().join("pg_hba.conf"),
            "local all all trust\nhostssl all all all scram-sha-256\n",
        )
        .unwrap();
        self.resume();
    }

    /// The address of a database, without a password.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        format!("postgres://foldwise@127.0.0.1:{}/{database}", self.port)
    }

    /// The user's password.
    #[must_use]
    pub fn password(&self) -> &'static str {
        "between us"
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a database; its address with the password.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.address(name).replace("foldwise@", "foldwise:between%20us@")
    }

    /// Has the server do something in a database; what it answers, unadorned.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database).args(["-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// As [`PostgresServer::sql`], through the server's socket.
    pub fn local_sql(&self, database: &str, sql: &str) -> String {
        let (folder, port) = (self.folder.path(), self.port.to_string());
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-X", "-A", "-t", "-U", "foldwise", "-p", &port, "-d", database, "-h"]).arg(folder);
        let output = command.args(["-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// PostgreSQL's own client in a database.
    #[must_use]
    pub fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-X", "-A", "-t", "-d", &self.address(database)]).env("PGPASSWORD", self.password());
        command
    }

    /// Ends the server at once, as a power cut would.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            self.control(&["stop", "-m", "immediate"]);
            // It ends because it was told to.
            let _ = server.wait();
        }
    }

    /// Starts the server again on its port.
    pub fn resume(&mut self) {
        let data = self.data();
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.program("postgres");
        command.arg("-D").arg(&data).arg("-k").arg(self.folder.path());
        let fsync = if self.durable { "fsync=on" } else { "fsync=off" };
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", fsync]);
        self.server = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let ready = || {
            let mut command = Command::new(self.programs.join("pg_isready"));
            let done = command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
            done.unwrap().success()
        };
        let started = Instant::now();
        while !ready() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "PostgreSQL does not start:\n{}", log());
            std::thread::sleep(PAUSE);
        }
    }

    fn make(&self) {
        let password = self.folder.path().join("password");
        fs::write(&password, self.password()).unwrap();
        if let Some((user, group)) = self.user {
            for path in [self.folder.path(), &password] {
                chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let mut command = self.program("initdb");
        command.arg("-D").arg(self.data()).arg("--pwfile").arg(&password);
        command.args(["-U", "foldwise", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = self.program("pg_ctl");
        // It may have ended by itself.
        let _ = command.arg("-s").args(arguments).arg("-D").arg(self.data()).status();
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of the server's programs, as a user that the server may be.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = fs::read_dir(FOLDERS).into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    let all = |folder: &Path| {
        ["initdb", "postgres", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file())
    };
    let mut folders = installed.into_iter().rev().chain(std::env::split_paths(&path));
    folders.find(|folder| all(folder))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// User and group of somebody who is not root.
fn other_user() -> (u32, u32) {
    let known = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = known.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut numbers = line.split(':').skip(1).map_while(|number| number.parse().ok());
        numbers.next().zip(numbers.next())
    };
    USERS.iter().find_map(|name| of(name)).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap().port()
}
