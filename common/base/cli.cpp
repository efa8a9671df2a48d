#include "common/base/cli.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <CLI/CLI.hpp>

#include "common/base/bytes.h"
#include "common/base/suggest.h"

namespace ha {
namespace {

std::string spelled(std::string_view text) {
  return in_quotes(text);
}

CliAnswer usage_error(const CliProgram& program, std::string_view verb, const std::string& what) {
  const std::string name = std::string(program.name) + (verb.empty() ? "" : " " + std::string(verb));
  return {ExitCode::Usage, {}, std::string(program.name) + ": " + what + "\n  see: " + name + " --help\n"};
}

// One program's CLI11 tree, made for one parse.
class Parser {
 public:
  Parser(const CliProgram& program, const CliEnvironment& environment)
      : program_(program),
        environment_(environment),
        app_(std::string(program.summary), std::string(program.name)) {
    prepare(app_);
    add_flags(app_, program.globals);
    app_.add_flag("-h")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app_.add_flag("--help")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app_.add_flag("-V,--version")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    for (const CliVerb& verb : program.verbs) {
      add_verb(verb);
    }
  }

  std::variant<CliInvocation, CliAnswer> parse(std::vector<std::string> words) {
    // What follows "--" is arguments, whatever it looks like; CLI11 would give it to the program, not the
    // verb.
    const auto dashes = std::find(words.begin(), words.end(), "--");
    if (dashes != words.end()) {
      plain_.assign(dashes + 1, words.end());
      words.erase(dashes, words.end());
    }
    std::transform(words.begin(), words.end(), words.begin(),
                   [&](const std::string& word) { return spelled_out(word); });
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    std::string failure;
    try {
      app_.parse(std::move(words));
    } catch (const CLI::ArgumentMismatch& error) {  // "--to: 1 required  missing"
      const std::string_view said = error.what();
      failure = escape(said.substr(0, said.find(':'))) + " needs a value";
    } catch (const CLI::ParseError& error) {
      failure = escape(error.what());
    }
    const CLI::App* chosen = deepest();
    const CliVerb* verb = verb_of(chosen);
    const std::string name = verb != nullptr ? std::string(verb->name) : "";
    if (app_.count("--version") > 0) {
      return CliAnswer{
          ExitCode::Good, std::string(program_.name) + " " + std::string(program_.version) + "\n", {}};
    }
    if (app_.count("--help") > 0 || app_.count("-h") > 0) {
      const bool full = app_.count("--help") > 0;
      return CliAnswer{
          ExitCode::Good, full ? cli_full_help(program_, name) : cli_short_help(program_, name), {}};
    }
    if (std::optional<std::string> stray = stray_word(verb)) {
      return usage_error(program_, name, *stray);
    }
    if (!failure.empty()) {
      return usage_error(program_, name, failure);
    }
    if (verb == nullptr && !program_.verbs.empty()) {
      return CliAnswer{ExitCode::Usage, {}, cli_short_help(program_, "")};
    }
    return collect(verb, chosen);
  }

 private:
  static void prepare(CLI::App& app) {
    app.set_help_flag("");
    app.allow_extras();
    app.fallthrough();
    app.require_subcommand(0, 1);  // or a set that is called like a verb would be taken for it
  }

  static void add_flags(CLI::App& app, std::span<const CliFlag> flags) {
    for (const CliFlag& flag : flags) {
      const std::string names =
          (flag.letter != '\0' ? std::string("-") + flag.letter + "," : "") + "--" + std::string(flag.name);
      const bool alone = flag.value.empty() || flag.value.starts_with('[');
      CLI::Option* option = alone ? app.add_flag(names) : app.add_option(names);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }

  // "-w=5" as "--watch=5": CLI11 takes a value behind a letter for more letters.
  std::string spelled_out(const std::string& word) const {
    for (const CliFlag& flag : program_.globals) {
      const std::string letter = std::string("-") + flag.letter + "=";
      if (flag.letter != '\0' && flag.value.starts_with('[') && word.starts_with(letter)) {
        return "--" + std::string(flag.name) + "=" + word.substr(letter.size());
      }
    }
    return word;
  }

  // The subcommand for the first words of a verb, made when it is first needed.
  CLI::App* subcommand(const std::string& words) {
    if (words.empty()) {
      return &app_;
    }
    if (const auto known = subcommands_.find(words); known != subcommands_.end()) {
      return known->second;
    }
    const std::size_t space = words.rfind(' ');
    const bool nested = space != std::string::npos;
    CLI::App* parent = subcommand(nested ? words.substr(0, space) : "");
    CLI::App* made = parent->add_subcommand(nested ? words.substr(space + 1) : words);
    prepare(*made);
    return subcommands_[words] = made;
  }

  void add_verb(const CliVerb& verb) {
    CLI::App* sub = subcommand(std::string(verb.name));
    add_flags(*sub, verb.flags);
    if (!verb.arguments.empty()) {
      sub->add_option("ARGUMENTS")->expected(0, CLI::detail::expected_max_vector_size)->allow_extra_args();
    }
    verbs_[sub] = &verb;
  }

  const CLI::App* deepest() const {
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
    }
    return app;
  }

  const CliVerb* verb_of(const CLI::App* app) const {
    const auto found = verbs_.find(app);
    return found != verbs_.end() ? found->second : nullptr;
  }

  // What CLI11 could not place: an unknown flag, an unknown verb, one argument too many.
  std::optional<std::string> stray_word(const CliVerb* verb) const {
    for (const std::string& word : app_.remaining(true)) {
      if (word.starts_with('-') && word.size() > 1) {
        std::vector<std::string> known{"--help", "--version"};
        for (const std::span<const CliFlag> flags :
             {program_.globals, verb != nullptr ? verb->flags : program_.globals}) {
          for (const CliFlag& flag : flags) {
            known.push_back("--" + std::string(flag.name));
          }
        }
        const std::string typed = word.substr(0, word.find('='));
        return "unknown flag " + spelled(typed) + did_you_mean(typed, known);
      }
      if (verb != nullptr || program_.verbs.empty()) {
        return "unexpected argument " + spelled(word);
      }
      const std::string first = deepest() != &app_ ? deepest()->get_name() + " " : "";
      std::vector<std::string> known;
      for (const CliVerb& one : program_.verbs) {
        known.emplace_back(one.name);
      }
      return "unknown verb " + spelled(first + word) + did_you_mean(first + word, known);
    }
    if (!plain_.empty() && (verb == nullptr || verb->arguments.empty())) {
      return "unexpected argument " + spelled(plain_.front());
    }
    const CLI::App* chosen = deepest();
    if (verb == nullptr && chosen != &app_) {
      return "\"" + chosen->get_name() + "\" needs a second word: " + second_words(chosen->get_name());
    }
    return std::nullopt;
  }

  std::string second_words(const std::string& first) const {
    std::string out;
    for (const CliVerb& verb : program_.verbs) {
      if (verb.name.starts_with(first + " ")) {
        out += (out.empty() ? "" : ", ") + std::string(verb.name.substr(first.size() + 1));
      }
    }
    return out;
  }

  std::variant<CliInvocation, CliAnswer> collect(const CliVerb* verb, const CLI::App* chosen) {
    CliInvocation made;
    made.verb = verb != nullptr ? std::string(verb->name) : "";
    if (verb != nullptr && !verb->arguments.empty()) {
      made.arguments = chosen->get_option("ARGUMENTS")->results();
      made.arguments.insert(made.arguments.end(), plain_.begin(), plain_.end());
      if (std::optional<std::string> wrong = count_arguments(*verb, made.arguments)) {
        return usage_error(program_, made.verb, *wrong);
      }
    }
    if (std::optional<std::string> wrong = misplaced_flag(verb)) {
      return usage_error(program_, made.verb, *wrong);
    }
    if (std::optional<std::string> wrong = collect_flags(program_.globals, app_, made)) {
      return usage_error(program_, made.verb, *wrong);
    }
    if (std::optional<std::string> wrong =
            collect_flags(verb != nullptr ? verb->flags : std::span<const CliFlag>(), *chosen, made)) {
      return usage_error(program_, made.verb, *wrong);
    }
    if (std::optional<std::string> wrong = read_environment(verb, made)) {
      return usage_error(program_, made.verb, *wrong);
    }
    return made;
  }

  static std::optional<std::string> count_arguments(const CliVerb& verb,
                                                    const std::vector<std::string>& given) {
    for (std::size_t i = given.size(); i < verb.arguments.size(); ++i) {
      if (verb.arguments[i].required) {
        return std::string(verb.arguments[i].name) + " is missing";
      }
    }
    if (given.size() > verb.arguments.size() && !verb.arguments.back().repeats) {
      return "unexpected argument " + spelled(given[verb.arguments.size()]);
    }
    return std::nullopt;
  }

  // A global flag before a verb that means something else by it.
  std::optional<std::string> misplaced_flag(const CliVerb* verb) const {
    for (const CliFlag& flag : program_.globals) {
      const std::string name = "--" + std::string(flag.name);
      if (verb != nullptr && has_flag(*verb, flag.name) && app_.get_option(name)->count() > 0) {
        return name + " has a meaning of its own here; put it behind \"" + std::string(verb->name) + "\"";
      }
    }
    return std::nullopt;
  }

  static std::optional<std::string> collect_flags(std::span<const CliFlag> flags, const CLI::App& app,
                                                  CliInvocation& into) {
    for (const CliFlag& flag : flags) {
      const CLI::Option* option = app.get_option("--" + std::string(flag.name));
      if (option->count() == 0) {
        continue;
      }
      const std::string value = option->results().back();
      const bool bare = flag.value.starts_with('[') && value == "true";
      if (!flag.value.empty()) {
        into.flags[std::string(flag.name)] = bare ? "" : value;
      } else if (value == "true") {
        into.flags[std::string(flag.name)] = "";
      } else if (value != "false") {
        return "--" + std::string(flag.name) + " takes no value";
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> read_environment(const CliVerb* verb, CliInvocation& into) const {
    for (const CliFlag& flag : program_.globals) {
      if (verb != nullptr && has_flag(*verb, flag.name)) {
        continue;  // something else of that name
      }
      std::string name = "HAREPLICATE_";
      for (const char c : flag.name) {
        name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      }
      const std::optional<std::string> value = environment_(name);
      if (!value || value->empty() || into.has(flag.name)) {
        continue;
      }
      const std::set<std::string> yes{"1", "true", "yes"};
      const std::set<std::string> no{"0", "false", "no"};
      if (!flag.value.empty()) {
        into.flags[std::string(flag.name)] = *value;
      } else if (yes.contains(*value)) {
        into.flags[std::string(flag.name)] = "";
      } else if (!no.contains(*value)) {
        return name + "=" + escape(*value) + " in the environment must be 1 or 0";
      }
    }
    return std::nullopt;
  }

  const CliProgram& program_;
  const CliEnvironment& environment_;
  CLI::App app_;
  std::vector<std::string> plain_;
  std::map<std::string, CLI::App*> subcommands_;
  std::map<const CLI::App*, const CliVerb*> verbs_;
};

}  // namespace

std::variant<CliInvocation, CliAnswer> parse_command_line(const CliProgram& program,
                                                          std::vector<std::string> words,
                                                          const CliEnvironment& environment) {
  // CLI11 throws for mistakes in the table too; those are ours.
  try {
    return Parser(program, environment).parse(std::move(words));
  } catch (const std::exception& error) {
    return CliAnswer{ExitCode::Internal, {}, std::string(program.name) + ": " + escape(error.what()) + "\n"};
  }
}

CliEnvironment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
}

}  // namespace ha
