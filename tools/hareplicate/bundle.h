// Texts as one .tar.gz that only its owner may read, made by the system's tar and gzip.
//
// Never overwrites. What a text must not hold is taken out before it is written anywhere. Thread safety: one
// thread. Errors: Exists; NotFound or Denied for the place; Unsupported without tar or gzip.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::tool {

struct BundleFile {
  std::string name;  // "status.json"; plain, without '/'
  std::string text;
};

inline constexpr std::size_t kBundleBytesMax = 64'000'000;

// `top`: the directory that everything lies in, inside the archive.
[[nodiscard]] Status pack_bundle(const std::string& path, const std::string& top,
                                 const std::vector<BundleFile>& files);

// A cluster.toml in which the values of `match` and `with` are left out: an overlay may look for a password,
// or put one in. Whatever else the text is, right or not, stays.
[[nodiscard]] std::string without_overlay_values(std::string_view text);

// `text` with every occurrence of `secret` replaced by a sentence that says so. An empty secret changes
// nothing.
[[nodiscard]] std::string without_secret(std::string text, BytesView secret);

}  // namespace ha::tool
