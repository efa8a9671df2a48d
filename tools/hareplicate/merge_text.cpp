#include "tools/hareplicate/merge_text.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/sys/file.h"
#include "common/sys/process.h"

namespace ha::tool {
namespace {

namespace fs = std::filesystem;

constexpr Duration kCommandLimit = std::chrono::seconds(20);
constexpr int kExitDiffers = 1;  // of diff; of diff3: conflicts. More is trouble.
constexpr mode_t kMode = 0600;

// Where the versions lie while they are compared; only we may look into it.
class Workplace {
 public:
  static Result<Workplace> open() {
    std::error_code none;
    std::string path = (fs::temp_directory_path(none) / "hareplicate-merge-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      return errno_error("cannot make a directory in " + fs::path(path).parent_path().string(), errno);
    }
    Workplace place(path);
    HA_TRY(place.directory_, sys::Directory::open_root(path));
    return place;
  }
  Workplace(Workplace&& other) noexcept
      : path_(std::exchange(other.path_, {})), directory_(std::move(other.directory_)) {}
  Workplace& operator=(Workplace&&) = delete;
  ~Workplace() {
    std::error_code ignored;  // it is in the place for such things
    if (!path_.empty()) {
      fs::remove_all(path_, ignored);
    }
  }

  Status put(const std::string& name, const Bytes& content) const {
    return sys::replace_file(directory_, name, content, kMode);
  }
  // Runs it here. Exit codes up to 1 are answers.
  Result<std::pair<int, Bytes>> run(std::vector<std::string> argv) const {
    sys::Command command;
    command.argv = std::move(argv);
    command.limit = kCommandLimit;
    command.output_bytes_max = 4 * kMergeBytesMax;
    command.environment = {"LC_ALL=C"};
    command.directory = path_;
    const std::string name = command.argv.front();
    HA_TRY(sys::CommandResult done, sys::run_command(command));
    if (done.timed_out) {
      return Error(Code::TimedOut, name + " has not compared the two versions within 20 seconds");
    }
    if (done.output_cut) {
      return Error(Code::Exhausted, "what " + name + " says is too much");
    }
    if (done.exit_status < 0 || done.exit_status > kExitDiffers) {
      return Error(Code::Internal, name + " failed: " + escape(BytesView(done.output).substr(0, 200)));
    }
    return std::pair(done.exit_status, std::move(done.output));
  }

 private:
  explicit Workplace(std::string path) : path_(std::move(path)) {}
  std::string path_;
  sys::Directory directory_;
};

Status check(const Bytes& text) {
  if (text.size() > kMergeBytesMax) {
    return Error(Code::Exhausted, "more than 4 MB are not merged");
  }
  return is_text(text) ? ok() : Status(Error(Code::Unsupported, "it is no text"));
}

}  // namespace

bool is_text(BytesView content) {
  return content.find('\0') == BytesView::npos;
}

bool has_conflict_marks(BytesView text) {
  for (std::size_t at = 0; at < text.size();) {
    const BytesView line = text.substr(at);
    if (line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
      return true;
    }
    const std::size_t end = text.find('\n', at);
    at = end == BytesView::npos ? text.size() : end + 1;
  }
  return false;
}

Result<Merged> merge_texts(const Bytes& live, const Bytes& stranded) {
  HA_CHECK(check(live));
  HA_CHECK(check(stranded));
  HA_TRY(const Workplace place, Workplace::open());
  HA_CHECK(place.put("live", live));
  HA_CHECK(place.put("stranded", stranded));
  HA_TRY(auto common,
         place.run({"diff", "-a", "--old-group-format=", "--new-group-format=", "--changed-group-format=",
                    "--unchanged-group-format=%=", "live", "stranded"}));
  HA_CHECK(place.put("both", common.second));
  HA_TRY(auto merged, place.run({"diff3", "-a", "-m", "-E", "-L", "live", "-L", "both", "-L", "stranded",
                                 "live", "both", "stranded"}));
  return Merged{std::move(merged.second), merged.first == kExitDiffers};
}

std::string for_terminal(BytesView text) {
  constexpr std::string_view kKept = "\n\t\\";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(kKept, at), text.size());
    out += escape(text.substr(at, end - at));
    out += text.substr(end, 1);
    at = end + 1;
  }
  return out;
}

Result<Bytes> unified_diff(const Bytes& before, const Bytes& after, const std::string& name) {
  HA_TRY(const Workplace place, Workplace::open());
  HA_CHECK(place.put("before", before));
  HA_CHECK(place.put("after", after));
  HA_TRY(auto shown, place.run({"diff", "-a", "-u", "--label", name + " (live)", "--label",
                                name + " (merged)", "before", "after"}));
  return std::move(shown.second);
}

}  // namespace ha::tool
