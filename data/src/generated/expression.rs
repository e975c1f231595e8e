//! Expressions of one number x, such as `sin(5*pi*x)/(5*pi*x)`.
//!
//! Read by hand for two reasons: `-x^2` means −(x²) here as in mathematics, which the expression parsers at hand read
//! otherwise, and functions are computed by `libm`, so that no system's own library makes other rows.

use std::fmt;

/// The most characters of an expression.
const LENGTH_MAX: usize = 1_000;

/// The most parentheses, signs and powers that may be open at once.
const DEPTH_MAX: usize = 50;

/// What an expression computes, in order, on a stack.
#[derive(Debug, Clone)]
pub struct Expression(Vec<Step>);

/// A function of one number.
type One = fn(f64) -> f64;

/// A function of two numbers.
type Two = fn(f64, f64) -> f64;

/// A step of a computation.
#[derive(Clone, Copy)]
enum Step {
    Number(f64),
    X,
    One(One),
    Two(Two),
}

/// Why a text is no expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct ExpressionProblem {
    /// The character, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Functions of one number, by name.
const FUNCTIONS: [(&str, One); 22] = [
    ("sin", libm::sin),
    ("cos", libm::cos),
    ("tan", libm::tan),
    ("asin", libm::asin),
    ("acos", libm::acos),
    ("atan", libm::atan),
    ("sinh", libm::sinh),
    ("cosh", libm::cosh),
    ("tanh", libm::tanh),
    ("exp", libm::exp),
    ("log", libm::log),
    ("ln", libm::log),
    ("log2", libm::log2),
    ("log10", libm::log10),
    ("sqrt", libm::sqrt),
    ("cbrt", libm::cbrt),
    ("abs", libm::fabs),
    ("sign", sign),
    ("floor", libm::floor),
    ("ceil", libm::ceil),
    ("round", libm::round),
    ("erf", libm::erf),
];

/// Functions of two numbers, by name.
const FUNCTIONS_OF_TWO: [(&str, Two); 2] = [("min", libm::fmin), ("max", libm::fmax)];

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionProblem`], for every text that is not one.
    pub fn parse(text: &str) -> Result<Self, ExpressionProblem> {
        let mut parser = Parser { text: text.chars().collect(), place: 0, depth: 0, steps: Vec::new() };
        if parser.text.len() > LENGTH_MAX {
            return Err(parser.problem(format!("it is longer than {LENGTH_MAX} characters")));
        }
        parser.sum()?;
        match parser.next() {
            None => Ok(Self(parser.steps)),
            Some(found) => Err(parser.problem(format!("`{found}` is not expected here"))),
        }
    }

    /// Its value at x.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let mut stack = Vec::with_capacity(8);
        for step in &self.0 {
            let value = match *step {
                Step::Number(number) => number,
                Step::X => x,
                Step::One(function) => function(stack.pop().unwrap_or(f64::NAN)),
                Step::Two(function) => {
                    let second = stack.pop().unwrap_or(f64::NAN);
                    function(stack.pop().unwrap_or(f64::NAN), second)
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap_or(f64::NAN)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::X => f.write_str("x"),
            Self::One(_) => f.write_str("f(·)"),
            Self::Two(_) => f.write_str("f(·, ·)"),
        }
    }
}

/// By recursive descent: sums of products of signed powers.
struct Parser {
    text: Vec<char>,
    place: usize,
    depth: usize,
    steps: Vec<Step>,
}

type Parsed = Result<(), ExpressionProblem>;

impl Parser {
    fn sum(&mut self) -> Parsed {
        self.product()?;
        while let Some(sign) = self.take(|c| c == '+' || c == '-') {
            self.product()?;
            self.steps.push(Step::Two(if sign == '+' { |a, b| a + b } else { |a, b| a - b }));
        }
        Ok(())
    }

    fn product(&mut self) -> Parsed {
        self.signed()?;
        while let Some(sign) = self.take(|c| c == '*' || c == '/') {
            self.signed()?;
            self.steps.push(Step::Two(if sign == '*' { |a, b| a * b } else { |a, b| a / b }));
        }
        Ok(())
    }

    /// A sign binds less than a power: −x^2 is −(x^2).
    fn signed(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.problem(format!("more than {DEPTH_MAX} parentheses, signs and powers are open")));
        }
        match self.take(|c| c == '+' || c == '-') {
            Some('-') => {
                self.signed()?;
                self.steps.push(Step::One(|a| -a));
            }
            Some(_) => self.signed()?,
            None => self.power()?,
        }
        self.depth -= 1;
        Ok(())
    }

    /// Powers group to the right: 2^3^2 is 2^(3^2). `**` is read as `^`.
    fn power(&mut self) -> Parsed {
        self.atom()?;
        self.next();
        if self.text[self.place..].starts_with(&['*', '*']) {
            self.place += 2;
        } else if self.take(|c| c == '^').is_none() {
            return Ok(());
        }
        self.signed()?;
        self.steps.push(Step::Two(libm::pow));
        Ok(())
    }

    fn atom(&mut self) -> Parsed {
        match self.next() {
            Some('(') => {
                self.place += 1;
                self.sum()?;
                self.expect(')')
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name(),
            Some(c) => Err(self.problem(format!("`{c}` is not expected here"))),
            None => Err(self.problem("a number, `x` or a function is expected after the end".to_owned())),
        }
    }

    fn number(&mut self) -> Parsed {
        let start = self.place;
        let digits = |parser: &mut Self| {
            while parser.text.get(parser.place).is_some_and(|c| c.is_ascii_digit() || *c == '.') {
                parser.place += 1;
            }
        };
        digits(self);
        // An exponent, unless it is the constant e.
        if let [e, rest @ ..] = &self.text[self.place..]
            && e.eq_ignore_ascii_case(&'e')
        {
            let sign = usize::from(rest.first().is_some_and(|c| *c == '+' || *c == '-'));
            if rest.get(sign).is_some_and(char::is_ascii_digit) {
                self.place += 1 + sign;
                digits(self);
            }
        }
        let text: String = self.text[start..self.place].iter().collect();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.steps.push(Step::Number(number));
                Ok(())
            }
            _ => {
                self.place = start;
                Err(self.problem(format!("`{text}` is no number")))
            }
        }
    }

    fn name(&mut self) -> Parsed {
        let start = self.place;
        while self.text.get(self.place).is_some_and(char::is_ascii_alphanumeric) {
            self.place += 1;
        }
        let name: String = self.text[start..self.place].iter().collect();
        let constant = match name.as_str() {
            "x" => Some(Step::X),
            "pi" => Some(Step::Number(std::f64::consts::PI)),
            "e" => Some(Step::Number(std::f64::consts::E)),
            _ => None,
        };
        if let Some(constant) = constant {
            self.steps.push(constant);
            return Ok(());
        }
        if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            self.expect('(')?;
            self.sum()?;
            self.expect(')')?;
            self.steps.push(Step::One(*function));
            return Ok(());
        }
        if let Some((_, function)) = FUNCTIONS_OF_TWO.iter().find(|(known, _)| *known == name) {
            self.expect('(')?;
            self.sum()?;
            self.expect(',')?;
            self.sum()?;
            self.expect(')')?;
            self.steps.push(Step::Two(*function));
            return Ok(());
        }
        self.place = start;
        let known: Vec<&str> = FUNCTIONS
            .iter()
            .map(|(name, _)| *name)
            .chain(FUNCTIONS_OF_TWO.iter().map(|(name, _)| *name))
            .collect();
        Err(self.problem(format!("`{name}` is unknown; known are x, pi, e, {}", known.join(", "))))
    }

    /// The next character that is not a space, which is left in place.
    fn next(&mut self) -> Option<char> {
        while self.text.get(self.place).is_some_and(|c| c.is_whitespace()) {
            self.place += 1;
        }
        self.text.get(self.place).copied()
    }

    /// Takes the next character if it is wanted; `**` is a power and no product.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let next = self.next().filter(|&c| wanted(c))?;
        if self.text[self.place..].starts_with(&['*', '*']) {
            return None;
        }
        self.place += 1;
        Some(next)
    }

    fn expect(&mut self, wanted: char) -> Parsed {
        match self.next() {
            Some(found) if found == wanted => {
                self.place += 1;
                Ok(())
            }
            Some(found) => Err(self.problem(format!("`{wanted}` is expected, found `{found}`"))),
            None => Err(self.problem(format!("`{wanted}` is expected after the end"))),
        }
    }

    fn problem(&self, reason: String) -> ExpressionProblem {
        ExpressionProblem { column: self.place + 1, reason }
    }
}

/// −1, 0 or 1.
fn sign(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() { value } else { value.signum() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Expression;

    fn at(text: &str, x: f64) -> f64 {
        Expression::parse(text).unwrap().at(x)
    }

    #[test]
    fn expressions_mean_what_mathematics_means() {
        let near = |text: &str, x: f64, expected: f64| {
            let found = at(text, x);
            assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{text} at {x}: {found}");
        };
        near("-x^2", 3.0, -9.0);
        near("exp(-x^2)", 2.0, (-4.0_f64).exp());
        near("2^3^2", 0.0, 512.0);
        near("2**-x", 1.0, 0.5);
        near("1 - 2 - 3", 0.0, -4.0);
        near("8/4/2", 0.0, 1.0);
        near("1 + 2*x", 3.0, 7.0);
        near("(1 + 2)*x", 3.0, 9.0);
        near("2*-x", 3.0, -6.0);
        near("--x", 3.0, 3.0);
        near("sin(5*pi*x)/(5*pi*x)", 0.5, (2.5 * std::f64::consts::PI).sin() / (2.5 * std::f64::consts::PI));
        near("1.5e2 + 2E-1 + .5 + 3.", 0.0, 153.7);
        near("2*e", 0.0, 2.0 * std::f64::consts::E);
        near("max(x, 2) - min(x, abs(-2)) + sign(-7) + sign(0)", 5.0, 2.0);
        near("ln(e^x) + log10(100) + log2(8) + sqrt(16) + cbrt(27)", 2.0, 14.0);
        assert!(at("1/x", 0.0).is_infinite() && at("x/x", 0.0).is_nan());
    }

    #[test]
    fn every_other_text_says_where_and_why() {
        let problem = |text: &str| Expression::parse(text).unwrap_err().to_string();
        assert_eq!(problem("1 + "), "column 5: a number, `x` or a function is expected after the end");
        assert_eq!(problem("(x"), "column 3: `)` is expected after the end");
        assert_eq!(problem("x)"), "column 2: `)` is not expected here");
        assert_eq!(problem("2x"), "column 2: `x` is not expected here");
        assert_eq!(problem("sin x"), "column 5: `(` is expected, found `x`");
        assert_eq!(problem("min(x)"), "column 6: `,` is expected, found `)`");
        assert_eq!(problem("1..2"), "column 1: `1..2` is no number");
        assert!(problem("cosh(y)").starts_with("column 6: `y` is unknown; known are x, pi, e, sin"));
        assert!(problem("5 § 3").starts_with("column 3: `§`"));
        assert!(problem("").contains("after the end"));
        assert!(problem(&"x".repeat(1_001)).contains("longer than 1000"));
    }

    #[test]
    fn no_depth_overflows_the_stack() {
        for open in ["(", "-", "sin(", "x^", "2**-"] {
            let text = open.repeat(1_000 / open.len());
            assert!(Expression::parse(&text).unwrap_err().to_string().contains("are open"), "{open}");
        }
        let sum = vec!["x"; 500].join("+");
        assert!((at(&sum, 1.0) - 500.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}", x in any::<f64>()) {
            if let Ok(expression) = Expression::parse(&text) {
                let _ = expression.at(x);
            }
        }

        #[test]
        fn no_formula_panics(text in "[-+*/^().,xe0-9 sincoxpminra]{0,40}", x in any::<f64>()) {
            if let Ok(expression) = Expression::parse(&text) {
                let _ = expression.at(x);
            }
        }
    }
}
