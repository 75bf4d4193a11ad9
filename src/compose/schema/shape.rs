//! The words that the table of attributes is written in: shapes, objects and keys.
//!
//! A shape says what the specification's schema accepts (the kinds of YAML values, patterns, ranges) and
//! what the value becomes. Never looks at a value: [`super::check`] and [`super::settle`] do.

use crate::compose::names;

/// What a value may look like.
#[derive(Debug)]
pub enum Shape {
    Any,
    Scalar(Scalar),
    List(&'static Shape),
    /// A list in which no entry may be there twice.
    Set(&'static Shape),
    /// Any keys that fit, all values alike.
    Map(&'static Names, &'static Shape),
    Object(&'static Object),
    /// The first whose kind fits.
    Either(&'static [Shape]),
    /// This, or nothing.
    Optional(&'static Shape),
}

/// One value that is neither list nor mapping.
#[derive(Debug, Clone, Copy)]
pub struct Scalar {
    /// The kinds of YAML value that the specification's schema accepts.
    pub kinds: Kinds,
    pub becomes: Becomes,
    /// Text becomes the type at once, with the interpolation of its own file: what does not fit is an
    /// error even where a later file says something else, and ranges are those of the number.
    pub at_once: bool,
    pub rule: Rule,
}

/// A set of kinds of YAML scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const NULL: Kinds = Kinds(1);
    pub const BOOLEAN: Kinds = Kinds(2);
    /// Whole numbers; `5.0` is one.
    pub const INTEGER: Kinds = Kinds(4);
    pub const FRACTION: Kinds = Kinds(8);
    pub const NUMBER: Kinds = Kinds(4 | 8);
    pub const TEXT: Kinds = Kinds(16);

    pub const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub const fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a scalar becomes in the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// It stays as written.
    Itself,
    /// Text; a whole number becomes its digits.
    Text,
    Boolean,
    /// A whole number; fractions are cut off.
    Whole,
    /// A whole number from 0, kept in so many bits (more wrap around, as in the reference); text is none.
    Unsigned(u32),
    Decimal,
    /// Text such as `1m30s`.
    Duration,
    /// Text: a number of bytes.
    Bytes,
    /// A number of processors.
    Cpus,
    /// Octal digits, as text.
    FileMode,
    /// `all`, which is -1, or a whole number.
    DeviceCount,
}

/// What else the schema asks of a scalar.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    Nothing,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text that this function accepts; in a reader's words, what it must be.
    Pattern(fn(&str) -> bool, &'static str),
    /// Numbers from the first to the second.
    Range(i64, i64),
    /// `false`, and no other boolean.
    False,
}

/// Which keys a mapping may have.
#[derive(Debug)]
pub struct Names {
    pub fits: fn(&str) -> bool,
    pub words: &'static str,
    /// Whether other keys are errors; else what stands under them is not looked at.
    pub strict: bool,
}

/// A mapping with known keys, in the order in which the canonical form prints them.
#[derive(Debug)]
pub struct Object {
    pub keys: &'static [Key],
    /// Keys that must be there in the merged project.
    pub required: &'static [&'static str],
    pub others: Others,
}

/// What other keys an object may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    None,
    /// Those that begin with `x-`.
    Extensions,
    /// Any; they do nothing, and the canonical form leaves them out.
    Ignored,
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// `None`: as what it is inside of.
    pub support: Option<Support>,
    /// Whether the canonical form keeps `false`, `0`, `""` and empty collections.
    pub kept: bool,
}

/// What Hoist does with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    Honoured(By),
    /// By Swarm services; has no effect on containers, in these words why.
    Services(&'static str),
    /// By containers; has no effect on Swarm services, in these words why.
    Containers(&'static str),
    /// In these words how: the sentence that begins with the attribute's name.
    Approximated(&'static str),
    /// Commands that deploy refuse it, in these words why.
    Refused(&'static str),
}

/// Who honours an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The loader: it is gone, or another attribute, once the project is loaded.
    Loader,
    /// Whoever builds the image.
    Builder,
    /// Swarm services and containers.
    Both,
    /// Containers, because Swarm services have no word for it: a service that uses it runs as containers.
    Placed,
}

pub const fn key(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: None,
        kept: false,
    }
}

/// A key whose empty value means something, so that the canonical form keeps it.
pub const fn kept(name: &'static str, shape: Shape) -> Key {
    key(name, shape).kept()
}

impl Key {
    pub const fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    const fn support(mut self, support: Support) -> Self {
        self.support = Some(support);
        self
    }

    pub const fn by(self, by: By) -> Self {
        self.support(Support::Honoured(by))
    }

    pub const fn services(self, words: &'static str) -> Self {
        self.support(Support::Services(words))
    }

    pub const fn containers(self, words: &'static str) -> Self {
        self.support(Support::Containers(words))
    }

    pub const fn approximated(self, words: &'static str) -> Self {
        self.support(Support::Approximated(words))
    }

    pub const fn refused(self, words: &'static str) -> Self {
        self.support(Support::Refused(words))
    }
}

/// An object that takes `x-` keys, as most of the specification's do.
pub const fn object(keys: &'static [Key]) -> Object {
    Object {
        keys,
        required: &[],
        others: Others::Extensions,
    }
}

/// An object that takes no other keys.
pub const fn closed(keys: &'static [Key]) -> Object {
    Object {
        keys,
        required: &[],
        others: Others::None,
    }
}

impl Object {
    pub const fn requires(mut self, required: &'static [&'static str]) -> Self {
        self.required = required;
        self
    }

    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn scalar(kinds: Kinds, becomes: Becomes) -> Shape {
    Shape::Scalar(Scalar {
        kinds,
        becomes,
        at_once: false,
        rule: Rule::Nothing,
    })
}

impl Shape {
    /// The same, cast with the interpolation of its file.
    pub const fn at_once(self) -> Shape {
        match self {
            Shape::Scalar(mut scalar) => {
                scalar.at_once = true;
                Shape::Scalar(scalar)
            }
            _ => panic!("only scalars are cast"),
        }
    }

    const fn rule(self, rule: Rule) -> Shape {
        match self {
            Shape::Scalar(mut scalar) => {
                scalar.rule = rule;
                Shape::Scalar(scalar)
            }
            _ => panic!("only scalars have rules"),
        }
    }

    pub const fn range(self, least: i64, most: i64) -> Shape {
        self.rule(Rule::Range(least, most))
    }
}

/// One of these words.
pub const fn choice(words: &'static [&'static str]) -> Shape {
    TEXT.rule(Rule::Choice(words))
}

/// Text that a function accepts.
pub const fn pattern(fits: fn(&str) -> bool, words: &'static str) -> Shape {
    TEXT.rule(Rule::Pattern(fits, words))
}

pub const TEXT: Shape = scalar(Kinds::TEXT, Becomes::Itself);
/// `true`, `false` or text that says so.
pub const BOOLEAN: Shape = scalar(Kinds::BOOLEAN.or(Kinds::TEXT), Becomes::Boolean);
pub const STRICT_BOOLEAN: Shape = scalar(Kinds::BOOLEAN, Becomes::Boolean);
/// `false`, where `true` would not say enough.
pub const FALSE: Shape = STRICT_BOOLEAN.rule(Rule::False);
/// A whole number, or text that says one.
pub const INTEGER: Shape = scalar(Kinds::INTEGER.or(Kinds::TEXT), Becomes::Whole);
pub const STRICT_INTEGER: Shape = scalar(Kinds::INTEGER, Becomes::Whole);
/// A number of which the whole part counts, or text that says a whole one.
pub const WHOLE: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT), Becomes::Whole);
pub const STRICT_WHOLE: Shape = scalar(Kinds::NUMBER, Becomes::Whole);
pub const DECIMAL: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT), Becomes::Decimal);
/// `1m30s`.
pub const DURATION: Shape = scalar(Kinds::TEXT, Becomes::Duration);
/// `64m`, or a number of bytes.
pub const BYTES: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT), Becomes::Bytes);
/// The same where the schema has no fractions.
pub const WHOLE_BYTES: Shape = scalar(Kinds::INTEGER.or(Kinds::TEXT), Becomes::Bytes);
/// The same where the schema has no numbers.
pub const TEXT_BYTES: Shape = scalar(Kinds::TEXT, Becomes::Bytes);
/// `0.5`, as text or number.
pub const CPUS: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT), Becomes::Cpus);
pub const FILE_MODE: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT), Becomes::FileMode);
pub const DEVICE_COUNT: Shape = scalar(Kinds::INTEGER.or(Kinds::TEXT), Becomes::DeviceCount);
/// Text, or a number that stands for its digits.
pub const TEXT_OR_INTEGER: Shape = scalar(Kinds::INTEGER.or(Kinds::TEXT), Becomes::Text);
pub const TEXT_OR_NUMBER: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT), Becomes::Itself);
pub const TEXT_OR_BOOLEAN: Shape = scalar(Kinds::BOOLEAN.or(Kinds::TEXT), Becomes::Itself);
pub const TEXT_NUMBER_OR_NULL: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT).or(Kinds::NULL), Becomes::Itself);
pub const TEXT_NUMBER_OR_BOOLEAN: Shape = scalar(Kinds::NUMBER.or(Kinds::TEXT).or(Kinds::BOOLEAN), Becomes::Itself);
/// Any scalar, nothing included: the values of `environment`.
pub const SCALAR: Shape = scalar(
    Kinds::NUMBER.or(Kinds::TEXT).or(Kinds::BOOLEAN).or(Kinds::NULL),
    Becomes::Itself,
);

/// A number that has no negatives, in so many bits; text is one only where it is cast at once.
pub const fn unsigned(kinds: Kinds, bits: u32) -> Shape {
    scalar(kinds, Becomes::Unsigned(bits))
}

pub const INTEGER_OR_TEXT: Kinds = Kinds::INTEGER.or(Kinds::TEXT);
pub const NUMBER_OR_TEXT: Kinds = Kinds::NUMBER.or(Kinds::TEXT);

pub const TEXTS: Shape = Shape::List(&TEXT);
/// Texts of which none may be there twice.
pub const DISTINCT_TEXTS: Shape = Shape::Set(&TEXT);
pub const TEXT_OR_LIST: Shape = Shape::Either(&[TEXT, TEXTS]);
pub const TEXT_OR_DISTINCT: Shape = Shape::Either(&[TEXT, DISTINCT_TEXTS]);
/// `KEY: value`, or a list of `KEY=value` in which the last of a key counts.
pub const LIST_OR_MAP: Shape = Shape::Either(&[Shape::Map(&NOT_EMPTY, &SCALAR), TEXTS]);
/// `KEY: value`, or a list of `KEY=value` of which none may be there twice.
pub const DISTINCT_OR_MAP: Shape = Shape::Either(&[Shape::Map(&NOT_EMPTY, &SCALAR), DISTINCT_TEXTS]);
pub const DRIVER_OPTIONS: Shape = Shape::Map(&ANY_BUT_EMPTY, &TEXT_OR_NUMBER);

/// Keys of at least one character.
pub const NOT_EMPTY: Names = Names {
    fits: is_not_empty,
    words: "at least one character",
    strict: true,
};
pub const ANY_BUT_EMPTY: Names = Names {
    strict: false,
    ..NOT_EMPTY
};
/// Names of services and of what they use.
pub const PLAIN: Names = Names {
    fits: names::is_resource_name,
    words: "letters, digits, `.`, `_` and `-`",
    strict: true,
};
pub const PLAIN_OR_ANY: Names = Names { strict: false, ..PLAIN };
pub const SMALL_LETTERS_OR_ANY: Names = Names {
    fits: is_small_letters,
    words: "small letters",
    strict: false,
};

fn is_not_empty(name: &str) -> bool {
    !name.is_empty()
}

fn is_small_letters(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase())
}

impl Shape {
    /// In a reader's words: `a string or a list`.
    pub fn words(&self) -> String {
        match self {
            Shape::Any => "a value".to_owned(),
            Shape::Scalar(scalar) => scalar.words(),
            Shape::List(_) | Shape::Set(_) => "a list".to_owned(),
            Shape::Map(..) | Shape::Object(_) => "a mapping".to_owned(),
            Shape::Either(_) => {
                let mut words: Vec<String> = Vec::new();
                self.alternatives(&mut words);
                match words.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, others)) => format!("{} or {last}", others.join(", ")),
                    None => String::new(),
                }
            }
            Shape::Optional(shape) => shape.words(),
        }
    }

    fn alternatives(&self, words: &mut Vec<String>) {
        match self {
            Shape::Either(shapes) => shapes.iter().for_each(|shape| shape.alternatives(words)),
            // The kinds of a scalar are alternatives like any other.
            Shape::Scalar(scalar)
                if matches!(scalar.becomes, Becomes::Itself | Becomes::Text)
                    && !matches!(scalar.rule, Rule::Choice(_)) =>
            {
                for word in scalar.words().replace(" or ", ", ").split(", ") {
                    if !words.iter().any(|there| there == word) {
                        words.push(word.to_owned());
                    }
                }
            }
            shape => {
                let word = shape.words();
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
    }
}

impl Scalar {
    /// In a reader's words: `a duration such as 1m30s`.
    pub fn words(&self) -> String {
        if let Rule::Choice(words) = self.rule {
            return match words {
                [word] => format!("`{word}`"),
                words => {
                    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                    format!("one of {}", words.join(", "))
                }
            };
        }
        let words = match self.becomes {
            Becomes::Boolean if matches!(self.rule, Rule::False) => "`false`",
            Becomes::Boolean => "`true` or `false`",
            Becomes::Whole if self.kinds.has(Kinds::FRACTION) && !self.kinds.has(Kinds::TEXT) => "a number",
            Becomes::Whole => "a whole number",
            Becomes::Unsigned(_) => "a whole number from 0 on",
            Becomes::Decimal | Becomes::Cpus => "a number",
            Becomes::Duration => "a duration such as `1m30s`",
            Becomes::Bytes => "a size such as `64m`",
            Becomes::FileMode => "octal digits such as `0440`",
            Becomes::DeviceCount => "`all` or a whole number",
            Becomes::Text => "a string or a whole number",
            Becomes::Itself => match (self.kinds.has(Kinds::INTEGER), self.kinds.has(Kinds::BOOLEAN)) {
                (false, false) => "a string",
                (true, false) => "a string or a number",
                (false, true) => "a string, `true` or `false`",
                (true, true) => "a string, a number or a boolean",
            },
        };
        words.to_owned()
    }
}
