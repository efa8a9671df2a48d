#include "tools/hareplicate/bundle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>

#include "common/sys/file.h"
#include "common/sys/process.h"

namespace ha::tool {
namespace {

constexpr std::string_view kTakenOut = "(a secret key stood here; it was taken out)";
constexpr std::string_view kLeftOut = "\"(left out)\"";

// A directory for us alone, removed with all in it.
class Workplace {
 public:
  static Result<Workplace> make() {
    std::error_code error;
    const std::filesystem::path base = std::filesystem::temp_directory_path(error);
    std::string path = (error ? std::filesystem::path("/tmp") : base).string() + "/hareplicate-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      return sys::path_error("cannot make a directory in", base.string(), errno);
    }
    return Workplace(path);
  }
  Workplace(Workplace&& other) noexcept : path(std::move(other.path)) { other.path.clear(); }
  Workplace& operator=(Workplace&&) = delete;
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  ~Workplace() {
    if (!path.empty()) {
      const std::filesystem::path whole(path);
      const auto parent = sys::Directory::open_root(whole.parent_path().string());
      if (parent.ok()) {
        static_cast<void>(parent->remove_tree(whole.filename().string()));
      }
    }
  }

  std::string path;

 private:
  explicit Workplace(std::string made) : path(std::move(made)) {}
};

Status run_tar(const std::string& folder, const std::string& top) {
  sys::Command command;
  command.argv = {"tar", "--create", "--gzip", "--owner=0", "--group=0", "--file", folder + "/bundle.tar.gz",
                  "-C",  folder,     "--",     top};
  command.limit = std::chrono::minutes(2);
  auto ran = sys::run_command(command);
  if (!ran.ok()) {
    return std::move(ran).error().hinted("apt-get install tar gzip");
  }
  const sys::CommandResult& result = *ran;
  if (!result.succeeded()) {
    return Error(Code::Unsupported, "tar could not pack the bundle: " + escape(result.output),
                 "apt-get install tar gzip; is there room in /tmp?");
  }
  return ok();
}

// Into a file that is not there yet, mode 0600.
Status copy_out(const std::string& from, const std::string& to) {
  const std::filesystem::path source(from);
  HA_TRY(const sys::Directory folder, sys::Directory::open_root(source.parent_path().string()));
  HA_TRY(const Bytes packed, sys::read_file(folder, source.filename().string(), 2 * kBundleBytesMax));
  sys::FileHandle file(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), to);
  if (!file.is_open()) {
    const int error = errno;
    Error made = sys::path_error("cannot make", to, error);
    return error == EEXIST ? std::move(made).hinted("a bundle is never overwritten: give it another name")
           : error == ENOENT || error == ENOTDIR
               ? std::move(made).hinted("give it a directory that is there: /tmp/hareplicate.tar.gz")
               : std::move(made);
  }
  auto written = file.write_at(0, packed);
  if (written.ok()) {
    written = file.sync();
  }
  if (written.ok()) {
    written = file.close();
  }
  if (!written.ok()) {
    ::unlink(to.c_str());
  }
  return written;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// Where the value of a key begins that ends at `at`: at its first quote. npos: no string follows.
std::size_t string_after(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {  // of the key itself
    ++at;
  }
  at = std::min(text.find_first_not_of(" \t", at), text.size());
  if (at == text.size() || text[at] != '=') {
    return std::string_view::npos;
  }
  at = text.find_first_not_of(" \t", at + 1);
  return at != std::string_view::npos && (text[at] == '"' || text[at] == '\'') ? at : std::string_view::npos;
}

// Behind the string of TOML that begins at `at`; behind its line when it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const std::string_view one = text.substr(at, 1);
  const std::string three(3, one[0]);
  const bool lines = text.substr(at).starts_with(three);
  const std::string_view quote = lines ? std::string_view(three) : one;
  for (std::size_t i = at + quote.size(); i < text.size(); ++i) {
    if (text[i] == '\n' && !lines) {
      return i;
    }
    if (text[i] == '\\' && one == "\"") {
      ++i;
    } else if (text.substr(i).starts_with(quote)) {
      return i + quote.size();
    }
  }
  return text.size();
}

}  // namespace

std::string without_overlay_values(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t value = std::string_view::npos;
    for (const std::string_view key : {"match", "with"}) {
      if (text.substr(at).starts_with(key) && (at == 0 || !is_word(text[at - 1]))) {
        value = string_after(text, at + key.size());
      }
    }
    if (value == std::string_view::npos) {
      out += text[at++];
      continue;
    }
    out += text.substr(at, value - at);
    out += kLeftOut;
    at = end_of_string(text, value);
  }
  return out;
}

Status pack_bundle(const std::string& path, const std::string& top, const std::vector<BundleFile>& files) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) {
    return Error(Code::Exists, escape(path) + " is there already",
                 "a bundle is never overwritten: give it another name");
  }
  HA_TRY(const Workplace work, Workplace::make());
  HA_TRY(const sys::Directory root, sys::Directory::open_root(work.path));
  HA_CHECK(root.make_directory(top, 0700));
  std::size_t bytes = 0;
  for (const BundleFile& file : files) {
    bytes += file.text.size();
    if (bytes > kBundleBytesMax) {
      return Error(Code::Exhausted, "the bundle would hold more than 64 MB");
    }
    HA_CHECK(sys::replace_file(root, top + "/" + file.name, file.text, 0600));
  }
  HA_CHECK(run_tar(work.path, top));
  return copy_out(work.path + "/bundle.tar.gz", path);
}

std::string without_secret(std::string text, BytesView secret) {
  if (secret.empty()) {
    return text;
  }
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), kTakenOut);
    at += kTakenOut.size();
  }
  return text;
}

}  // namespace ha::tool
