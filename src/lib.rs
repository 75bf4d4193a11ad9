//! Hoist takes Compose files to many hosts. The floors, each using only those under it:
//! `cli` / `ui` / `deploy` / `plan`, `hosts`, `bootstrap`, `import` / `compose`, `engine`.

pub mod bootstrap;
pub mod cli;
pub mod compose;
pub mod deploy;
pub mod engine;
pub mod hosts;
pub mod import;
pub mod plan;
pub mod ui;
