#include "common/base/cli.h"

#include <array>
#include <map>

#include <boost/test/unit_test.hpp>

namespace {

using ha::CliAnswer;
using ha::CliFlag;
using ha::CliInvocation;
using ha::ExitCode;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr std::array kSets = {ha::CliArgument{"SET", false, true}};
constexpr std::array kSetAndPath = {ha::CliArgument{"SET"}, ha::CliArgument{"PATH", false}};
constexpr std::array kTo = {CliFlag{"to", '\0', "SITE", "Only towards that site."},
                            CliFlag{"dry-run", 'n', "", "Change nothing."}};
constexpr std::array kExamples = {ha::CliExample{"tool status", "Everything."}};
constexpr std::array kOwnOutput = {CliFlag{"output", 'o', "FILE", "Where to write."}};
constexpr std::array kChoice = {ha::CliArgument{"WHAT", true, false, "this|that"}};
constexpr std::array kVerbs = {
    ha::CliVerb{"write", "Write.", kChoice, kOwnOutput, {}},
    ha::CliVerb{"inner", "Only for scripts.", {}, {}, {}, true},
    ha::CliVerb{"status", "How things are.", kSets, kTo, kExamples},
    ha::CliVerb{"resync", "Make equal.", kSetAndPath, kTo, {}},
    ha::CliVerb{"config check", "Check the files.", {}, {}, {}},
    ha::CliVerb{"config show", "Show the values.", {}, {}, {}},
};

ha::CliProgram tool() {
  return {"tool", "1.2.3", "A tool.", kVerbs, ha::operator_globals(), kExamples};
}

using Variables = std::map<std::string, std::string>;
ha::CliEnvironment environment(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found != variables.end() ? std::optional<std::string>(found->second) : std::nullopt;
  };
}

CliInvocation run(Words words, Variables variables = {}) {
  auto parsed = ha::parse_command_line(tool(), std::move(words), environment(std::move(variables)));
  if (const auto* answer = std::get_if<CliAnswer>(&parsed)) {
    BOOST_ERROR("not parsed: " + answer->out + answer->err);
    return {};
  }
  return std::get<CliInvocation>(parsed);
}

CliAnswer refuse(Words words, Variables variables = {}) {
  auto parsed = ha::parse_command_line(tool(), std::move(words), environment(std::move(variables)));
  const auto* answer = std::get_if<CliAnswer>(&parsed);
  BOOST_REQUIRE(answer != nullptr);
  return *answer;
}

BOOST_AUTO_TEST_SUITE(base_cli)

BOOST_AUTO_TEST_CASE(a_verb_takes_arguments_and_flags_in_any_order) {
  const CliInvocation made = run({"-o", "json", "status", "etc", "--to", "nyc1", "voicemail", "-y"});
  BOOST_TEST(made.verb == "status");
  BOOST_TEST(made.arguments == (Words{"etc", "voicemail"}), boost::test_tools::per_element());
  BOOST_TEST(made.value("to") == "nyc1");
  BOOST_TEST(made.value("output") == "json");
  BOOST_TEST(made.has("yes"));
  BOOST_TEST(!made.has("dry-run"));
}

BOOST_AUTO_TEST_CASE(two_words_may_be_one_verb) {
  BOOST_TEST(run({"config", "check"}).verb == "config check");
  BOOST_TEST(run({"config", "show", "-q"}).has("quiet"));
}

BOOST_AUTO_TEST_CASE(an_argument_may_be_called_like_a_verb) {
  const CliInvocation made = run({"resync", "status", "config"});
  BOOST_TEST(made.verb == "resync");
  BOOST_TEST(made.arguments == (Words{"status", "config"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_follows_two_dashes_is_an_argument) {
  BOOST_TEST(run({"resync", "etc", "--", "-odd"}).arguments == (Words{"etc", "-odd"}),
             boost::test_tools::per_element());
  BOOST_TEST(refuse({"config", "check", "--", "x"}).err.find("unexpected argument") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_flag_with_an_optional_value_does_not_eat_an_argument) {
  const CliInvocation bare = run({"status", "-w", "etc"});
  BOOST_TEST(bare.arguments.at(0) == "etc");
  BOOST_TEST(ha::read_globals(bare)->watch->count() == ha::Duration(2s).count());
  BOOST_TEST(ha::read_globals(run({"status", "--watch=5"}))->watch->count() == ha::Duration(5s).count());
}

BOOST_AUTO_TEST_CASE(unknown_words_get_a_suggestion_and_exit_2) {
  const CliAnswer verb = refuse({"statsu"});
  BOOST_TEST((verb.code == ExitCode::Usage));
  BOOST_TEST(verb.out.empty());
  BOOST_TEST(verb.err == "tool: unknown verb \"statsu\"; did you mean \"status\"?\n  see: tool --help\n");
  BOOST_TEST(refuse({"config", "chek"}).err.find("did you mean \"config check\"?") != std::string::npos);
  BOOST_TEST(
      refuse({"status", "--dry-rnu"}).err.find("unknown flag \"--dry-rnu\"; did you mean \"--dry-run\"?") !=
      std::string::npos);
  BOOST_TEST(refuse({"status", "--out=json"}).err.find("\"--output\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(missing_and_surplus_arguments_are_named) {
  BOOST_TEST(refuse({"resync"}).err == "tool: SET is missing\n  see: tool resync --help\n");
  BOOST_TEST(refuse({"resync", "a", "b", "c"}).err.find("unexpected argument \"c\"") != std::string::npos);
  BOOST_TEST(refuse({"config", "check", "x"}).err.find("unexpected argument \"x\"") != std::string::npos);
  BOOST_TEST(refuse({"config"}).err.find("\"config\" needs a second word: check, show") != std::string::npos);
  BOOST_TEST(refuse({"status", "--to"}).err == "tool: --to needs a value\n  see: tool status --help\n");
  BOOST_TEST(refuse({"status", "--dry-run=3"}).err.find("takes no value") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_verb_shows_the_short_help_as_an_error) {
  const CliAnswer answer = refuse({});
  BOOST_TEST((answer.code == ExitCode::Usage));
  BOOST_TEST(answer.err.find("Usage: tool [GLOBAL] VERB") == 0U);
}

BOOST_AUTO_TEST_CASE(help_and_version_go_to_stdout_and_exit_0) {
  BOOST_TEST(refuse({"-V"}).out == "tool 1.2.3\n");
  BOOST_TEST(refuse({"--version"}).out == "tool 1.2.3\n");
  const CliAnswer full = refuse({"--help"});
  BOOST_TEST((full.code == ExitCode::Good));
  BOOST_TEST(full.out.find("Examples:") < full.out.find("Usage:"));
  BOOST_TEST(refuse({"resync", "-h"}).out.find("Usage: tool [GLOBAL] resync SET [PATH] [FLAGS]") == 0U);
  BOOST_TEST(refuse({"status", "--help"}).out.find("--to SITE") != std::string::npos);
  BOOST_TEST(refuse({"status", "--help"}).out.find("--watch[=SEC]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_environment_gives_global_flags_that_were_not_typed) {
  const CliInvocation made = run({"status", "-o", "table"}, {{"HAREPLICATE_OUTPUT", "json"},
                                                             {"HAREPLICATE_SITE", "nyc1"},
                                                             {"HAREPLICATE_NO_INPUT", "1"},
                                                             {"HAREPLICATE_YES", "0"},
                                                             {"HAREPLICATE_TO", "never"}});
  const auto globals = ha::read_globals(made);
  BOOST_REQUIRE(globals.ok());
  BOOST_TEST((globals->output == ha::OutputMode::Table));
  BOOST_TEST(globals->site == "nyc1");
  BOOST_TEST(globals->no_input);
  BOOST_TEST(!globals->yes);
  BOOST_TEST(!made.has("to"));
  BOOST_TEST(refuse({"status"}, {{"HAREPLICATE_QUIET", "maybe"}}).err.find("must be 1 or 0") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(globals_are_read_and_checked) {
  const auto globals = ha::read_globals(run({"status", "--json", "--timeout", "30s", "--color", "never"}));
  BOOST_TEST((globals->output == ha::OutputMode::Json));
  BOOST_TEST(globals->timeout->count() == ha::Duration(30s).count());
  BOOST_TEST((globals->color == ha::ColorMode::Never));
  BOOST_TEST(globals->config == "/etc/hareplicate/cluster.toml");
  const auto bad = [](Words words) { return ha::read_globals(run(std::move(words))).error().what(); };
  BOOST_TEST(bad({"status", "--timeout", "30"}) == "--timeout: \"30\" has no unit");
  BOOST_TEST(bad({"status", "--timeout", "0s"}) == "--timeout must be longer than 0");
  BOOST_TEST(bad({"status", "-o", "xml"}) == "--output xml: use table, json or fields");
  BOOST_TEST(bad({"status", "--color", "red"}) == "--color red: use auto, always or never");
}

BOOST_AUTO_TEST_CASE(color_is_for_terminals_that_want_it) {
  BOOST_TEST(ha::use_color(ha::ColorMode::Auto, true, environment({})));
  BOOST_TEST(!ha::use_color(ha::ColorMode::Auto, false, environment({})));
  BOOST_TEST(!ha::use_color(ha::ColorMode::Auto, true, environment({{"NO_COLOR", "1"}})));
  BOOST_TEST(ha::use_color(ha::ColorMode::Auto, true, environment({{"NO_COLOR", ""}})));
  BOOST_TEST(!ha::use_color(ha::ColorMode::Auto, true, environment({{"TERM", "dumb"}})));
  BOOST_TEST(ha::use_color(ha::ColorMode::Always, false, environment({{"NO_COLOR", "1"}})));
  BOOST_TEST(!ha::use_color(ha::ColorMode::Never, true, environment({})));
}

BOOST_AUTO_TEST_CASE(errors_have_an_exit_code_and_a_next_step) {
  using ha::Code;
  const auto code = [](Code failed) { return ha::exit_code_of(ha::Error(failed, "x")); };
  BOOST_TEST((code(Code::Invalid) == ExitCode::Usage));
  BOOST_TEST((code(Code::Unavailable) == ExitCode::Unreachable));
  BOOST_TEST((code(Code::Refused) == ExitCode::Refused));
  BOOST_TEST((code(Code::TimedOut) == ExitCode::StillRunning));
  BOOST_TEST((code(Code::Internal) == ExitCode::Internal));
  BOOST_TEST((code(Code::Cancelled) == ExitCode::Interrupted));
  BOOST_TEST((code(Code::Corrupt) == ExitCode::NotGood));
  BOOST_TEST(ha::show_error("tool", ha::Error(Code::Io, "broken", "tool fix")) ==
             "tool: broken\n  next: tool fix\n");
  BOOST_TEST(ha::show_error("tool", ha::Error(Code::Io, "broken")) == "tool: broken\n");
  BOOST_TEST(ha::show_error("tool", ha::Error(Code::Denied, "no")).find("sudo") != std::string::npos);
  BOOST_TEST(ha::show_error("tool", ha::Error(Code::NoSpace, "full")).find("df -h") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_daemon_has_flags_and_no_verbs) {
  constexpr std::array kFlags = {CliFlag{"config", 'c', "FILE", "The file."},
                                 CliFlag{"check", '\0', "", "Only check."}};
  const ha::CliProgram daemon{"daemon", "1", "A daemon.", {}, kFlags, {}};
  auto parsed = ha::parse_command_line(daemon, {"-c", "x.toml", "--check"}, environment({}));
  const auto& made = std::get<CliInvocation>(parsed);
  BOOST_TEST(made.value("config") == "x.toml");
  BOOST_TEST(made.has("check"));
  parsed = ha::parse_command_line(daemon, {"start"}, environment({}));
  BOOST_TEST(std::get<CliAnswer>(parsed).err.find("unexpected argument \"start\"") != std::string::npos);
  parsed = ha::parse_command_line(daemon, {"-h"}, environment({}));
  BOOST_TEST(std::get<CliAnswer>(parsed).out.find("--check") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_verbs_own_flag_hides_the_global_one) {
  const CliInvocation made =
      run({"write", "this", "-o", "file.json", "--color", "never"}, {{"HAREPLICATE_OUTPUT", "json"}});
  BOOST_TEST(made.value("output") == "file.json");
  const ha::CliVerb* verb = ha::find_verb(tool(), "write");
  BOOST_TEST_REQUIRE(verb != nullptr);
  const auto globals = ha::read_globals(made, verb);
  BOOST_TEST_REQUIRE(globals.ok());
  BOOST_TEST((globals->output == ha::OutputMode::Table));
  BOOST_TEST((globals->color == ha::ColorMode::Never));
  BOOST_TEST(!run({"write", "this"}, {{"HAREPLICATE_OUTPUT", "json"}}).has("output"));
  BOOST_TEST(refuse({"-o", "json", "write", "this"}).err.find("put it behind \"write\"") !=
             std::string::npos);
  const std::string help = refuse({"write", "--help"}).out;
  BOOST_TEST(help.find("--output FILE") != std::string::npos);
  BOOST_TEST(help.find("--output table") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hidden_verb_works_and_is_in_no_help) {
  BOOST_TEST(run({"inner"}).verb == "inner");
  for (const std::string& text :
       {refuse({"--help"}).out, refuse({}).err, ha::cli_reference(tool()), ha::cli_bash_completion(tool())}) {
    BOOST_TEST(text.find("inner") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(the_completion_says_what_values_and_arguments_can_be) {
  const std::string completion = ha::cli_bash_completion(tool());
  const auto says = [&](const char* part) { return completion.find(part) != std::string::npos; };
  BOOST_TEST(says("\"status --to\") kind=\"sites\""));
  BOOST_TEST(says("\"write --output\"|\"write -o\") kind=\"files\""));
  BOOST_TEST(says("*\" --color\") kind=\"choices auto always never\""));
  BOOST_TEST(says("arguments=\"sets+\""));
  BOOST_TEST(says("arguments=\"choices,this,that\""));
}

BOOST_AUTO_TEST_CASE(the_reference_and_the_completion_hold_every_verb_and_flag) {
  const std::string reference = ha::cli_reference(tool());
  BOOST_TEST(reference.find("verb\tconfig check\tCheck the files.\n") != std::string::npos);
  BOOST_TEST(reference.find("flag\tstatus\t--dry-run\t-n\t\tChange nothing.\n") != std::string::npos);
  BOOST_TEST(reference.find("argument\tresync\tPATH\n") != std::string::npos);
  BOOST_TEST(reference.find("global\t--config\t-c\tFILE\t") != std::string::npos);
  const std::string completion = ha::cli_bash_completion(tool());
  BOOST_TEST(completion.find("words=\" write status resync config\"") != std::string::npos);
  BOOST_TEST(completion.find("\"config\") words=\" check show\"") != std::string::npos);
  BOOST_TEST(completion.find("\"status\") flags=\" --to --dry-run\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
