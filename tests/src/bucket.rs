//! A real S3-compatible store of a test's own (Garage). It knows nothing of the other helpers, because the coordinator's tests
//! take this file too.
#![allow(
    clippy::disallowed_methods,
    reason = "waiting for a server needs a clock, finding it the environment"
)]

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a store may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Where `cargo xtask tools` puts the program, under the user's cache.
const FETCHED: &str = "foldwise/garage-2.5.0/bin/garage";

/// A store with one bucket, `foldwise`, and one key for it. It ends with the test.
#[derive(Debug)]
pub struct BucketServer {
    folder: tempfile::TempDir,
    program: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl BucketServer {
    /// Starts one; says so and gives none where Garage is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            eprintln!(
                "skipped: an S3-compatible store (`garage`) is not installed; `cargo xtask tools` installs it"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, program, port: free_port(), server: None };
        server.configure();
        server.resume();
        Some(server)
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a program's environment says of it.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", "den".to_owned()),
            ("AWS_ACCESS_KEY_ID", format!("GK{}", "0a".repeat(12))),
            ("AWS_SECRET_ACCESS_KEY", "b1".repeat(32)),
        ]
    }

    /// Ends it at once, as a power cut would.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts it again on its port.
    pub fn resume(&mut self) {
        let log = File::create(self.path("log")).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.path("garage.toml")).args(["server", "--single-node", "--default-bucket"]);
        let [_, _, (_, id), (_, secret)] = self.settings();
        command.env("GARAGE_DEFAULT_BUCKET", "foldwise");
        command.env("GARAGE_DEFAULT_ACCESS_KEY", id).env("GARAGE_DEFAULT_SECRET_KEY", secret);
        command.stdout(Stdio::null()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let started = Instant::now();
        // The bucket is made before the port is opened to others.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the store does not start:\n{}", log());
            std::thread::sleep(PAUSE);
        }
    }

    fn configure(&self) {
        let text = format!(
            "metadata_dir = {:?}\ndata_dir = {:?}\ndb_engine = \"sqlite\"\nreplication_factor = 1\n\
             metadata_fsync = false\nrpc_bind_addr = \"127.0.0.1:{}\"\nrpc_secret = \"{}\"\n\
             [s3_api]\ns3_region = \"den\"\napi_bind_addr = \"127.0.0.1:{}\"\n",
            self.path("meta"),
            self.path("data"),
            free_port(),
            "c2".repeat(32),
            self.port
        );
        fs::write(self.path("garage.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for BucketServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("garage"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let fetched = cache.or_else(home).map(|cache| cache.join(FETCHED));
    in_path.chain(fetched).find(|place| place.is_file())
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap().port()
}
