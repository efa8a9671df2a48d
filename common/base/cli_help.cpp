// Texts that are made from the table of verbs.
#include <algorithm>
#include <iterator>

#include "common/base/cli.h"

namespace ha {
namespace {

std::string arguments_of(const CliVerb& verb) {
  std::string out;
  for (const CliArgument& argument : verb.arguments) {
    const std::string name = std::string(argument.name) + (argument.repeats ? "..." : "");
    out += argument.required ? " " + name : " [" + name + "]";
  }
  return out;
}

std::string spelling(const CliFlag& flag) {
  std::string out = flag.letter != '\0' ? std::string("-") + flag.letter + ", --" : "    --";
  out += flag.name;
  if (flag.value.starts_with('[')) {
    return out + "[=" + std::string(flag.value.substr(1));
  }
  return flag.value.empty() ? out : out + " " + std::string(flag.value);
}

void add_rows(std::string& out, const std::vector<std::pair<std::string, std::string_view>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) {
    width = std::max(width, row.first.size());
  }
  for (const auto& [left, right] : rows) {
    out += "  " + left + std::string(width - left.size() + 3, ' ') + std::string(right) + "\n";
  }
}

void add_flags(std::string& out, std::string_view title, std::span<const CliFlag> flags) {
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const CliFlag& flag : flags) {
    rows.emplace_back(spelling(flag), flag.doc);
  }
  if (!rows.empty()) {
    out += "\n" + std::string(title) + ":\n";
    add_rows(out, rows);
  }
}

std::string usage_line(const CliProgram& program, const CliVerb* verb) {
  std::string out = "Usage: " + std::string(program.name);
  if (verb == nullptr) {
    return out + (program.verbs.empty() ? " [FLAGS]\n" : " [GLOBAL] VERB [ARGUMENTS] [FLAGS]\n");
  }
  return out + " [GLOBAL] " + std::string(verb->name) + arguments_of(*verb) +
         (verb->flags.empty() ? "\n" : " [FLAGS]\n");
}

void add_verbs(std::string& out, const CliProgram& program) {
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const CliVerb& verb : program.verbs) {
    if (!verb.hidden) {
      rows.emplace_back(std::string(verb.name) + arguments_of(verb), verb.summary);
    }
  }
  if (!rows.empty()) {
    out += "\nVerbs:\n";
    add_rows(out, rows);
  }
}

void add_field(std::string& line, std::string_view field) {
  line += "\t" + std::string(field);
}

void add_flag_line(std::string& out, std::string line, const CliFlag& flag) {
  add_field(line, "--" + std::string(flag.name));
  add_field(line, flag.letter != '\0' ? std::string("-") + flag.letter : "");
  add_field(line, flag.value);
  add_field(line, flag.doc);
  out += line + "\n";
}

}  // namespace

const CliVerb* find_verb(const CliProgram& program, std::string_view name) {
  const auto found = std::find_if(program.verbs.begin(), program.verbs.end(),
                                  [&](const CliVerb& verb) { return verb.name == name; });
  return found != program.verbs.end() ? &*found : nullptr;
}

bool has_flag(const CliVerb& verb, std::string_view flag) {
  return std::any_of(verb.flags.begin(), verb.flags.end(),
                     [&](const CliFlag& one) { return one.name == flag; });
}

std::string cli_short_help(const CliProgram& program, std::string_view verb_name) {
  const CliVerb* verb = find_verb(program, verb_name);
  std::string out = usage_line(program, verb);
  out += std::string(verb != nullptr ? verb->summary : program.summary) + "\n";
  if (verb == nullptr) {
    add_verbs(out, program);
  }
  add_flags(out, "Flags",
            verb != nullptr         ? verb->flags
            : program.verbs.empty() ? program.globals
                                    : std::span<const CliFlag>());
  const std::string name = std::string(program.name) + (verb != nullptr ? " " + std::string(verb->name) : "");
  return out + "\nMore: " + name + " --help\n";
}

std::string cli_full_help(const CliProgram& program, std::string_view verb_name) {
  const CliVerb* verb = find_verb(program, verb_name);
  std::string out = std::string(verb != nullptr ? verb->summary : program.summary) + "\n";
  const std::span<const CliExample> examples = verb != nullptr ? verb->examples : program.examples;
  if (!examples.empty()) {
    out += "\nExamples:\n";
    std::vector<std::pair<std::string, std::string_view>> rows;
    for (const CliExample& example : examples) {
      rows.emplace_back(std::string(example.line), example.doc);
    }
    add_rows(out, rows);
  }
  out += "\n" + usage_line(program, verb);
  if (verb == nullptr) {
    add_verbs(out, program);
  } else {
    add_flags(out, "Flags", verb->flags);
  }
  std::vector<CliFlag> globals;
  std::copy_if(program.globals.begin(), program.globals.end(), std::back_inserter(globals),
               [&](const CliFlag& flag) { return verb == nullptr || !has_flag(*verb, flag.name); });
  add_flags(out, program.verbs.empty() ? "Flags" : "Global flags (or HAREPLICATE_<NAME> in the environment)",
            globals);
  constexpr CliFlag kAlways[] = {{"help", 'h', "", "-h: in short; --help: all of this."},
                                 {"version", 'V', "", "Name and version."}};
  add_flags(out, "Always", kAlways);
  return out;
}

std::string cli_reference(const CliProgram& program) {
  std::string out;
  for (const CliFlag& flag : program.globals) {
    add_flag_line(out, "global", flag);
  }
  for (const CliVerb& verb : program.verbs) {
    if (verb.hidden) {
      continue;
    }
    out += "verb\t" + std::string(verb.name) + "\t" + std::string(verb.summary) + "\n";
    for (const CliArgument& argument : verb.arguments) {
      out += "argument\t" + std::string(verb.name) + "\t" + std::string(argument.name) + "\n";
    }
    for (const CliFlag& flag : verb.flags) {
      add_flag_line(out, "flag\t" + std::string(verb.name), flag);
    }
  }
  return out;
}

}  // namespace ha
