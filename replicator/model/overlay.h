// Altering a file's lines for one site, and undoing it: pristine content, hunks, altered content.
//
// The patterns are needed only to make hunks; altered = pristine + hunks, and undo() needs no patterns. Lines
// end with LF or CRLF, which is never part of a line's text. Not here: files, roles, what happens when.
// Pure; thread safety: values, and const calls of Overlay at once. Source: docs/overlays.md; RE2 syntax.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "replicator/model/entry.h"

namespace ha::replicator {

inline constexpr std::size_t kOverlayFileBytesMax = 4 * 1024 * 1024;  // of pristine content
inline constexpr std::size_t kAlteredFileBytesMax = 8 * 1024 * 1024;  // of altered content, and of hunks
inline constexpr std::size_t kOverlayLineBytesMax = 64 * 1024;        // longer ones stay as they are
inline constexpr std::size_t kPristineFileBytesMax = 32 * 1024 * 1024;
inline constexpr std::size_t kHunksMax = 10'000;
inline constexpr std::size_t kPatternBytesMax = 4096;

struct OverlayRule {
  std::string match;  // RE2
  std::string with;   // \0 … \9

  bool operator==(const OverlayRule&) const = default;
};

// One altered line; the texts without their line breaks.
struct Hunk {
  std::uint64_t line = 0;  // from 1
  Bytes was;
  Bytes is;

  bool operator==(const Hunk&) const = default;
};

// What is kept of an altered file.
struct Pristine {
  Bytes content;
  std::vector<Hunk> hunks;  // by line

  bool operator==(const Pristine&) const = default;
};

class Overlay {
 public:
  // Invalid: what is wrong with a pattern or its replacement, by rule.
  [[nodiscard]] static Result<Overlay> compile(const std::vector<OverlayRule>& rules);
  Overlay(Overlay&&) noexcept;
  Overlay& operator=(Overlay&&) noexcept;
  ~Overlay();

  // Exhausted when the content or what becomes of it is too large.
  [[nodiscard]] Result<Pristine> apply(BytesView pristine) const;

 private:
  struct Compiled;
  explicit Overlay(std::vector<Compiled> rules) noexcept;
  std::vector<Compiled> rules_;
};

// Invalid if it is none.
Status check_overlay_rule(const OverlayRule& rule);

// The content with its hunks. Corrupt if they are not of this content.
[[nodiscard]] Result<Bytes> altered(const Pristine& pristine);

// `live` is an edited altered(before): the same with the hunks undone, and where they are in it now. Lines
// that somebody has written as they were before the overlay have none any more.
// Conflict, with the lines, if the others are not all intact.
[[nodiscard]] Result<Pristine> undo(BytesView live, const Pristine& before);

// The pristine copy as a file; its content comes first. Corrupt if it is not what encode_pristine() wrote.
[[nodiscard]] Bytes encode_pristine(const Pristine& pristine);
[[nodiscard]] Result<Pristine> decode_pristine(BytesView file);

// Where it is, beneath the root of the set.
inline constexpr char kPristineName[] = "pristine";
inline constexpr char kPristineNextName[] = "pristine-next";
[[nodiscard]] Bytes pristine_path(BytesView key);
// Where the content of an item is read: its pristine copy, or where it stands.
[[nodiscard]] Bytes content_path(const Entry& entry);

// What a scan asks of overlays.
class PristineView {
 public:
  PristineView() = default;
  PristineView(const PristineView&) = delete;
  PristineView& operator=(const PristineView&) = delete;
  virtual ~PristineView() = default;

  // Whether what stands at `key` may differ from what travels.
  [[nodiscard]] virtual bool covers(BytesView key) const = 0;
  // The content that counts where `live` stands; none: `live` itself. An error: it cannot be told.
  [[nodiscard]] virtual Result<std::optional<Bytes>> pristine_of(BytesView key, BytesView live) = 0;
};

}  // namespace ha::replicator
