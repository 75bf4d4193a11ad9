//! The canonical form of every attribute: its type, its place in the order, and when it is printed.
//!
//! One table (here and in `forms/`), in the order in which the reference declares its fields. Two stages read it: `values`
//! gives every value its type, `output` prints it. What may be *written* stands in `schema/`; a test holds the keys of
//! both against each other. Never looks at a value itself.

mod build;
mod deploy;
mod resources;
mod service;

pub use resources::PROJECT;

/// A mapping with known keys.
#[derive(Debug)]
pub struct Form {
    pub fields: &'static [Field],
    /// Whether its `x-` keys are printed. They are kept in the tree in any case.
    pub prints_extensions: bool,
    /// The reference's JSON names of these fields begin with a capital letter.
    pub capital_in_json: bool,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub printed: Printed,
}

/// When a field is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// Where it is not empty: not `false`, `0`, `""`, and not without entries.
    Filled,
    /// Where the file says it, whatever it says.
    Stated,
    /// Always; with its zero where the file does not say it.
    Always,
    /// As [`Printed::Filled`], and as this text where the file does not say it.
    OrElse(&'static str),
    /// As [`Printed::Filled`] in YAML, always in JSON.
    AlwaysInJson,
    /// As [`Printed::Stated`] in YAML; JSON says `null` where the file does not say it.
    NullInJson,
    /// Read, checked, and printed nowhere.
    Never,
}

/// The type of a value in canonical form.
#[derive(Debug)]
pub enum Kind {
    Text,
    Flag,
    /// A whole number; a fraction is cut off.
    Integer,
    /// A whole number that is not negative.
    Count,
    /// The same, and never in quotes.
    BareCount,
    /// A number of single precision, or one in text: `cpus: "0.5"`.
    Number,
    /// A number of bytes, kept as text: `64m` is `"67108864"`.
    Bytes,
    /// `90s` is `1m30s`.
    Duration,
    /// Octal digits, kept as text.
    Mode,
    /// `all` is -1.
    DeviceCount,
    Texts,
    /// A text or a list of texts.
    TextList,
    /// A list of scalars, kept as texts.
    ScalarList,
    /// `NAME=VALUE` items or a mapping of scalars; no value is the empty text.
    TextMap,
    /// The same where no value is no value.
    Environment,
    /// A mapping of texts and whole numbers.
    StrictTextMap,
    /// A mapping of scalars and of lists of scalars: each becomes a list of texts.
    Options,
    /// `HOST=ADDRESS` items.
    Hosts,
    /// A list of words, or a line as a shell reads it.
    Command,
    /// `["CMD", …]`, or a line for the shell.
    HealthTest,
    /// Names of keys, each with a path or none.
    SshKeys,
    /// Paths, each with `required` and `format`; printed as the path alone where it may be.
    EnvFiles(&'static Form),
    Object(&'static Form),
    List(&'static Form),
    /// Any keys; an entry without a value is an empty mapping.
    Map(&'static Form),
    /// Any keys; an entry without a value stays without one.
    OptionalMap(&'static Form),
    /// By name: one number, or `soft` and `hard`.
    Ulimits,
}

/// A field that is printed where it is not empty.
const fn filled(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        printed: Printed::Filled,
    }
}

/// A field whose absence and whose zero differ.
const fn stated(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        printed: Printed::Stated,
    }
}

const fn or_else(name: &'static str, text: &'static str) -> Field {
    Field {
        name,
        kind: Kind::Text,
        printed: Printed::OrElse(text),
    }
}

const fn always(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        printed: Printed::Always,
    }
}

const fn always_in_json(name: &'static str, form: &'static Form) -> Field {
    Field {
        name,
        kind: Kind::Object(form),
        printed: Printed::AlwaysInJson,
    }
}

const fn null_in_json(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        printed: Printed::NullInJson,
    }
}

const fn never(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        printed: Printed::Never,
    }
}

const fn form(fields: &'static [Field]) -> Form {
    Form {
        fields,
        prints_extensions: true,
        capital_in_json: false,
    }
}

/// A form whose `x-` keys the reference drops.
const fn closed(fields: &'static [Field]) -> Form {
    Form {
        fields,
        prints_extensions: false,
        capital_in_json: false,
    }
}

const fn capital(fields: &'static [Field]) -> Form {
    Form {
        fields,
        prints_extensions: true,
        capital_in_json: true,
    }
}

impl Form {
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
