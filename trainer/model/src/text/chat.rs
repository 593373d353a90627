//! A model's chat template: Jinja as transformers runs it, applied as written.

use std::path::Path;

use jiff::civil::DateTime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value, context};
use serde::Serialize;

use crate::ModelError;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`; what other roles there are is the template's to say.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A turn.
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// How conversations are written for one model.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    begin: String,
    end: String,
}

/// Instructions that a template may run: thousands of turns need far fewer, an endless template is stopped.
const FUEL: u64 = 50_000_000;

impl ChatTemplate {
    /// A template; `begin` and `end` are the texts of the model's tokens at either end of a sequence, which templates name.
    /// `path` is only named in errors.
    ///
    /// # Errors
    /// [`ModelError::Damaged`] if it is not a template.
    pub fn new(path: &Path, source: &str, begin: &str, end: &str) -> Result<Self, ModelError> {
        // Marks around the assistant's words, which only training masks of transformers read.
        let mut source = source.to_owned();
        for mark in ["generation", "endgeneration"] {
            for (open, close) in [("{%", "%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%-", "-%}")] {
                source = source.replace(&format!("{open} {mark} {close}"), &format!("{open} if true {close}{{% endif %}}"));
            }
        }
        let template = Self { source, begin: begin.into(), end: end.into() };
        let checked = template.environment(DateTime::default()).and_then(|environment| {
            environment.template_from_str(&template.source)?;
            Ok(())
        });
        match checked {
            Ok(()) => Ok(template),
            Err(e) => Err(ModelError::Damaged { path: path.into(), reason: format!("its chat template: {e}") }),
        }
    }

    /// The template.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text that the model reads. `answering` puts the opening of the assistant's turn at the end; `now` is what a template
    /// that asks for the date is told.
    ///
    /// # Errors
    /// [`ModelError::Template`] if the template refuses the conversation, as many do when roles do not alternate.
    pub fn render(&self, messages: &[Message], answering: bool, now: DateTime) -> Result<String, ModelError> {
        let context = context! {
            messages => Serde(messages),
            add_generation_prompt => answering,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
            tools => (),
            documents => (),
        };
        let rendered = self.environment(now).and_then(|environment| environment.render_str(&self.source, context));
        rendered.map_err(|error| ModelError::Template { reason: reason(&error) })
    }

    fn environment(&self, now: DateTime) -> Result<Environment<'_>, Error> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |reason: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        });
        environment.add_function("strftime_now", move |format: String| -> Result<String, Error> {
            jiff::fmt::strtime::format(&format, now).map_err(|e| Error::new(ErrorKind::InvalidOperation, e.to_string()))
        });
        environment.add_filter("tojson", to_json);
        Ok(environment)
    }
}

/// What went wrong, with what caused it.
fn reason(error: &Error) -> String {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason
}

/// JSON as Python writes it, with a space after commas and colons, and not escaped for web pages as Jinja's own filter does.
fn to_json(value: Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Python's other options (ensure_ascii, separators, sort_keys) are taken and left at transformers' defaults.
    for option in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(option)?;
    }
    options.assert_all_used()?;
    let failed = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, e.to_string());
    let mut out = Vec::new();
    match indent {
        Some(indent) => {
            let spaces = vec![b' '; indent];
            let pretty = serde_json::ser::PrettyFormatter::with_indent(&spaces);
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, pretty)).map_err(failed)?;
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Spaced)).map_err(failed)?,
    }
    String::from_utf8(out).map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
}

/// The spaces of Python's `json.dumps`.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, messages: &[Message]) -> Result<String, ModelError> {
        let template = ChatTemplate::new(Path::new("test"), source, "<s>", "</s>")?;
        template.render(messages, true, jiff::civil::date(2024, 2, 29).at(14, 30, 0, 0))
    }

    #[test]
    fn templates_have_what_transformers_gives_them() {
        let messages = [Message::new("user", " Hi \"there\" ")];
        let cases = [
            // Llama 2 and Mistral write their tokens and strip what was said.
            ("{{ bos_token + '[INST] ' + messages[0]['content'].strip() + ' [/INST]' }}", "<s>[INST] Hi \"there\" [/INST]"),
            // Llama 3.1 names the date; Qwen writes JSON.
            ("{{ strftime_now('%d %b %Y') }}", "29 Feb 2024"),
            ("{{ messages | tojson }}", r#"[{"role": "user", "content": " Hi \"there\" "}]"#),
            ("{{ messages[0] | tojson(indent=2) }}", "{\n  \"role\": \"user\",\n  \"content\": \" Hi \\\"there\\\" \"\n}"),
            // Blocks leave no lines behind, loops can be left, lists can be cut, and tools are none.
            ("{% for m in messages %}\n  {% if m.role == 'user' %}\na\n  {% endif %}\n{% endfor %}", "a\n"),
            ("{% for n in range(9) %}{% if n == 2 %}{% break %}{% endif %}{{ n }}{% endfor %}", "01"),
            ("{{ messages[1:] | length }}{{ messages[::-1][0].role }}", "0user"),
            ("{% if tools is not none and tools %}tools{% else %}none{% endif %}", "none"),
            ("{% set ns = namespace(n=1) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "2"),
            ("{%- generation -%}\nsaid\n{%- endgeneration -%}", "said"),
            ("{% if add_generation_prompt %}go{% endif %}", "go"),
            ("{{ messages[0].content.split('\"')[1] }}{{ 'ab'.startswith('a') }}", "thereTrue"),
        ];
        for (source, expected) in cases {
            assert_eq!(render(source, &messages).unwrap_or_else(|e| panic!("{source}: {e}")), expected, "{source}");
        }
    }

    #[test]
    fn a_template_that_refuses_fails_or_never_ends_is_an_error() {
        let error = render("{{ raise_exception('roles must alternate') }}", &[]).unwrap_err();
        assert!(error.to_string().contains("roles must alternate"), "{error}");
        assert!(matches!(render("{% if %}", &[]), Err(ModelError::Damaged { .. })));
        assert!(matches!(render("{{ messages[3].content.nothing }}", &[]), Err(ModelError::Template { .. })));
        let endless =
            "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
        assert!(matches!(render(endless, &[]), Err(ModelError::Template { .. })));
    }
}
