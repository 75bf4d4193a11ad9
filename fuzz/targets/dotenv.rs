//! The reader of `.env` files, of `env_file` in both dialects, and what follows from either: it says something, and ends.
#![no_main]

use hoist_fuzz::compose::dotenv::{self, Variables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let outside = |name: &str| (name == "TAG").then(|| "1.27".to_owned());
    let mut variables = Variables::new();
    // A file is read on top of those before it, also where it failed.
    for _ in 0..2 {
        if let Err(found) = dotenv::parse("a.env", text, &outside, &mut variables) {
            let place = found.place.expect("an error of a line has a place");
            let underlined = place.start..place.start + place.length;
            assert!(text.get(underlined).is_some(), "the place is text of the file");
        }
    }
    drop(dotenv::parse_raw("b.env", text, &outside, &mut variables));
});
