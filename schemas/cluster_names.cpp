#include "schemas/cluster_names.h"

#include <fstream>
#include <string>

#include "common/base/config.h"
#include "schemas/cluster_schema.h"

namespace ha {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;

// Only what may stand in a name: the shell would expand anything else.
bool is_plain(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

}  // namespace

Outcome run_completion_names(const Context& context) {
  std::ifstream file(context.globals.config, std::ios::binary);
  std::string text(kBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  ConfigProblems problems;
  const ConfigDocument document =
      ConfigDocument::load(context.globals.config, text, cluster_schema(), problems);
  const std::string what = context.argument(0);
  std::string out;
  if (what == "sets" || what == "sites") {
    for (const ConfigSection& section : document.sections(what == "sets" ? "set" : "site")) {
      const std::string name = section.text("name");
      out += is_plain(name) ? name + "\n" : "";
    }
  }
  print(out);
  return ExitCode::Good;
}

}  // namespace ha
