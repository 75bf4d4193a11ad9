//! One Docker Engine: the connection to it and typed operations on it; the cluster that several make;
//! and [`Observation`], what they report, as plain data.
//!
//! Knows the Engine API. Never decides what should run: no policy lives here.

pub mod build;
pub mod cluster;
pub mod connection;
pub mod containers;
pub mod context;
pub mod credentials;
pub mod error;
pub mod exec;
pub mod image_name;
pub mod images;
pub mod labels;
pub mod logs;
pub mod networks;
pub mod nodes;
pub mod objects;
pub mod observation;
pub mod observe;
pub mod retry;
pub mod services;
pub mod transfer;
pub mod volume_copy;
pub mod volumes;
pub mod wait;

mod archive_digest;
mod build_context;
mod dockerignore;
mod log_frames;
mod request;
mod wire;

/// The Engine API's own shapes.
pub use bollard::models;
pub use cluster::SwarmState;
pub use connection::{ClientIdentity, Endpoint, Engine, EngineVersion, Engines};
pub use credentials::Credentials;
pub use error::EngineError;
pub use logs::{LogLine, LogOptions, LogStream};
pub use observation::Observation;
pub use observe::{observe, observe_what_answers};
pub use retry::{RetryPolicy, retry};
pub use transfer::transfer;
pub use wait::{Progress, WaitError, wait_until};
