// The bash completion, made from the table of verbs.
//
// The script knows verbs, second words, flags, the choices of a flag's value ("table|json|fields"), and files
// where a value is called FILE or DIR. Names of sets and sites it asks from `PROGRAM completion names sets`
// (or sites), with the --config that stands on the line; whatever goes wrong there is silence.
#include <algorithm>

#include "common/base/cli.h"

namespace ha {
namespace {

// Everything of ours in the script is a-z, digits, dashes and underscores; what is not is left out, so that
// no table entry can become shell code.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == ' ' || c == '.';
    out += fits ? std::string(1, c) : "";
  }
  return out;
}

// "choices a b c", "files", "sets", "sites" or "none": what a value called so can be.
std::string kind_of(std::string_view value) {
  if (value.starts_with("SITE")) {  // also "SITE|FILE" and "SITE[,SITE]"
    return "sites";
  }
  if (value.find('|') != std::string_view::npos) {
    std::string words(value);
    std::replace(words.begin(), words.end(), '|', ' ');
    return "choices " + plain(words);
  }
  if (value.starts_with("FILE") || value == "DIR") {
    return "files";
  }
  return value == "SET" ? "sets" : "none";
}

std::string names_of(std::span<const CliFlag> flags) {
  std::string out;
  for (const CliFlag& flag : flags) {
    out += " --" + plain(flag.name);
  }
  return out;
}

// A line of a case for every flag that takes a value: `"VERB --to"|"VERB -t") kind="sites" ;;`.
std::string value_cases(const std::string& verb, std::span<const CliFlag> flags) {
  std::string out;
  for (const CliFlag& flag : flags) {
    if (flag.value.empty() || flag.value.starts_with('[')) {
      continue;
    }
    const std::string who = verb.empty() ? "*\"" : "\"" + plain(verb);
    out += "    " + who + " --" + plain(flag.name) + "\"";
    if (flag.letter != '\0') {
      out += "|" + who + " -" + std::string(1, flag.letter) + "\"";
    }
    out += ") kind=\"" + kind_of(flag.value) + "\" ;;\n";
  }
  return out;
}

// What the arguments of a verb are: "sets", "sets none", "files"; the last one repeats where it may.
std::string argument_kinds(const CliVerb& verb) {
  std::string out;
  for (const CliArgument& argument : verb.arguments) {
    const std::string value = argument.choices.empty() ? kind_of(argument.name) : kind_of(argument.choices);
    std::string one = value;
    std::replace(one.begin(), one.end(), ' ', ',');
    out += (out.empty() ? "" : " ") + one + (argument.repeats ? "+" : "");
  }
  return out;
}

std::string verb_tables(const CliProgram& program) {
  std::map<std::string, std::string> seconds;
  std::string firsts;
  std::string flags;
  for (const CliVerb& verb : program.verbs) {
    if (verb.hidden) {
      continue;
    }
    const std::string whole = plain(verb.name);
    const std::size_t space = whole.find(' ');
    const std::string first = whole.substr(0, space);
    if ((firsts + " ").find(" " + first + " ") == std::string::npos) {
      firsts += " " + first;
    }
    if (space != std::string::npos) {
      seconds[first] += whole.substr(space);
    }
    flags += "    \"" + whole + "\") flags=\"" + names_of(verb.flags) + "\" arguments=\"" +
             argument_kinds(verb) + "\" ;;\n";
  }
  std::string out = "  case $verb in\n    \"\") words=\"" + firsts + "\" ;;\n";
  for (const auto& [first, words] : seconds) {
    out.append("    \"").append(first).append("\") words=\"").append(words).append("\" ;;\n");
  }
  return out + "  esac\n  case $verb in\n" + flags + "  esac\n";
}

std::string second_word_verbs(const CliProgram& program) {
  std::string out;
  for (const CliVerb& verb : program.verbs) {
    const std::string whole = plain(verb.name);
    const std::size_t space = whole.find(' ');
    const std::string first = whole.substr(0, space);
    if (space != std::string::npos && out.find("|" + first + "|") == std::string::npos) {
      out += (out.empty() ? "|" : "") + first + "|";
    }
  }
  return out;
}

// The kind of the value that a flag takes, for the flag as typed and the verb so far.
std::string value_function(const CliProgram& program, const std::string& name) {
  std::string out = "__" + name + "_kind() {  # VERB FLAG\n  kind=\"\"\n  case \"$1 $2\" in\n";
  for (const CliVerb& verb : program.verbs) {
    out += verb.hidden ? "" : value_cases(std::string(verb.name), verb.flags);
  }
  return out + value_cases("", program.globals) + "  esac\n}\n";
}

constexpr std::string_view kWordLoop =
    R"(  local i words="" flags="" arguments="" verb="" kind="" config=() place=0 two=0
  local word=${COMP_WORDS[COMP_CWORD]} previous=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    local each=${COMP_WORDS[i]}
    if [[ $each == "=" ]]; then
      continue
    elif [[ -n $previous ]]; then  # the value of a flag
      [[ $previous == --config || $previous == -c ]] && config=(--config "${each/#\~\//$HOME/}")
      previous=""
    elif [[ $each == -* ]]; then
      @kind "$verb" "$each"
      [[ -n $kind ]] && previous=$each
    elif [[ -z $verb ]]; then
      verb=$each
      [[ @seconds == *"|$each|"* ]] && two=1
    elif ((two)); then
      verb+=" $each" two=0
    else
      ((place++))
    fi
  done
  [[ $word == "=" ]] && word=""
  @kind "$verb" "$previous"
)";

constexpr std::string_view kChoose = R"(  if [[ -z $previous ]]; then
    if [[ $word == -* ]]; then
      words="$flags@globals" kind=""
    elif [[ -z $words ]]; then
      local kinds
      read -ra kinds <<<"$arguments"
      kind=${kinds[place]:-}
      if [[ -z $kind && ${#kinds[@]} -gt 0 && ${kinds[-1]} == *+ ]]; then
        kind=${kinds[-1]}
      fi
      kind=${kind%+} kind=${kind//,/ }
    fi
  else
    words=""
  fi
  case $kind in
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
    sets|sites) words=$(@program "${config[@]}" completion names "$kind" 2>/dev/null) ;;
    "choices "*) words=${kind#choices } ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
)";

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

std::string cli_bash_completion(const CliProgram& program) {
  const std::string name = plain(program.name);
  std::string body = std::string(kWordLoop) + verb_tables(program) + std::string(kChoose);
  replace_all(body, "@kind", "__" + name + "_kind");
  replace_all(body, "@seconds", "\"" + second_word_verbs(program) + "\"");
  replace_all(body, "@globals", names_of(program.globals) + " --help --version");
  replace_all(body, "@program", "\"${COMP_WORDS[0]}\"");
  return "# bash completion for " + name + ", made from its table of verbs\n" +
         value_function(program, name) + "_" + name + "() {\n  COMPREPLY=()\n" + body + "}\ncomplete -F _" +
         name + " " + name + "\n";
}

}  // namespace ha
