// Hunks put in and undone, and the pristine copy as a file: the part of overlay.h that needs no patterns.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "common/sys/digest.h"
#include "replicator/model/overlay.h"
#include "replicator/model/pristine_lines.h"
#include "replicator/model/reserved.h"

namespace ha::replicator {
namespace {

constexpr BytesView kMagic = "hareplicate-overlay-1 ";
constexpr std::size_t kHexBytes = 16;
constexpr std::size_t kDigestHexBytes = 32;
constexpr std::size_t kFooterBytes = 22 + kHexBytes + 1 + kHexBytes + 1 + kDigestHexBytes + 1;
constexpr std::size_t kShownBytes = 60;  // of a line, in a message
constexpr std::size_t kShownLines = 5;

Error corrupt() {
  return Error(Code::Corrupt, "the pristine copy is damaged");
}

std::string digest_text(BytesView bytes) {
  // Against damage, not against people: whoever may write it may write the file itself.
  const auto key = sys::DigestKey::from_bytes(Bytes(sys::kDigestKeyBytes, '\0'));
  return key.ok() ? hex(sys::digest(*key, bytes)) : std::string(kDigestHexBytes, '0');
}

Bytes number_text(std::uint64_t value) {
  Bytes be(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    be[7 - i] = static_cast<char>(value >> (8 * i));
  }
  return hex(be);
}

bool parse_number(BytesView text, int base, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// The next `count` bytes and a line break; false if they are not there.
bool take_text(BytesView& in, std::uint64_t count, Bytes& out) {
  if (in.size() <= count || in[count] != '\n') {
    return false;
  }
  out = in.substr(0, count);
  in.remove_prefix(count + 1);
  return out.find('\n') == Bytes::npos;
}

bool take_hunk(BytesView& in, Hunk& out) {
  std::uint64_t was = 0;
  std::uint64_t is = 0;
  const BytesView head = in.substr(0, in.find('\n'));
  const std::size_t first = head.find(' ');
  const std::size_t second = first == BytesView::npos ? first : head.find(' ', first + 1);
  if (second == BytesView::npos || head.size() == in.size() ||
      !parse_number(head.substr(0, first), 10, out.line) ||
      !parse_number(head.substr(first + 1, second - first - 1), 10, was) ||
      !parse_number(head.substr(second + 1), 10, is)) {
    return false;
  }
  in.remove_prefix(head.size() + 1);
  return take_text(in, was, out.was) && take_text(in, is, out.is);
}

// Where in a file each text of some hunks stands: by text the line numbers, from 0.
using Places = std::map<BytesView, std::vector<std::size_t>>;

Places find_places(const std::vector<Hunk>& hunks, Bytes Hunk::*text, const std::vector<Line>& lines) {
  Places out;
  for (const Hunk& hunk : hunks) {
    out[hunk.*text];
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const auto found = out.find(lines[i].text); found != out.end()) {
      found->second.push_back(i);
    }
  }
  return out;
}

// What has become of hunks in an edited file, by text. Equal lines were altered alike, so that a text that
// was belongs to one text that is.
class Traces {
 public:
  Traces(const Pristine& before, BytesView was_live, const std::vector<Line>& lines)
      : old_is_(find_places(before.hunks, &Hunk::is, lines_of(was_live))),
        is_(find_places(before.hunks, &Hunk::is, lines)),
        old_was_(find_places(before.hunks, &Hunk::was, lines_of(before.content))),
        was_(find_places(before.hunks, &Hunk::was, lines)) {
    for (const Hunk& hunk : before.hunks) {
      ++count_[hunk.is];
    }
  }

  // Where its line is now.
  [[nodiscard]] std::optional<std::size_t> line_of(const Hunk& hunk) const {
    const std::vector<std::size_t>& old = old_is_.at(hunk.is);
    const std::vector<std::size_t>& now = is_.at(hunk.is);
    const auto at = std::lower_bound(old.begin(), old.end(), hunk.line - 1);
    return old.size() == now.size() && at != old.end() && *at == hunk.line - 1
               ? std::optional(now[static_cast<std::size_t>(at - old.begin())])
               : std::nullopt;
  }

  // Somebody has written its line, and all like it, as they were before the overlay: a program that makes the
  // whole file anew.
  [[nodiscard]] bool is_reverted(const Hunk& hunk) const {
    return is_.at(hunk.is).size() + count_.at(hunk.is) == old_is_.at(hunk.is).size() &&
           was_.at(hunk.was).size() == old_was_.at(hunk.was).size();
  }

 private:
  Places old_is_;
  Places is_;
  Places old_was_;
  Places was_;
  std::map<BytesView, std::size_t> count_;
};

Bytes joined(const std::vector<Line>& lines) {
  Bytes out;
  for (const Line& line : lines) {
    out += line.text;
    out += line.end;
  }
  return out;
}

Error not_intact(const std::vector<const Hunk*>& broken) {
  std::string text = "its overlay can no longer be undone: what it had made of ";
  for (std::size_t i = 0; i < std::min(broken.size(), kShownLines); ++i) {
    text += (i == 0 ? "line " : ", line ") + std::to_string(broken[i]->line) + " (\"" +
            escape(BytesView(broken[i]->is).substr(0, kShownBytes)) + "\")";
  }
  text += broken.size() > kShownLines ? ", …" : "";
  return Error(Code::Conflict,
               text + " was edited, removed or copied; put it back, or remove the [[overlay]]");
}

}  // namespace

Bytes pristine_path(BytesView key) {
  return Bytes(kStagingName) + "/" + kPristineName + "/" + Bytes(key);
}

Bytes content_path(const Entry& entry) {
  return entry.state == EntryState::Overlaid ? pristine_path(entry.key) : entry.key;
}

Result<Bytes> altered(const Pristine& pristine) {
  std::vector<Line> lines = lines_of(pristine.content);
  std::uint64_t last = 0;
  for (const Hunk& hunk : pristine.hunks) {
    if (hunk.line <= last || hunk.line > lines.size() || lines[hunk.line - 1].text != BytesView(hunk.was)) {
      return corrupt();
    }
    last = hunk.line;
    lines[hunk.line - 1].text = hunk.is;
  }
  return joined(lines);
}

Result<Pristine> undo(BytesView live, const Pristine& before) {
  HA_TRY(const Bytes was, altered(before));
  std::vector<Line> lines = lines_of(live);
  const Traces traces(before, was, lines);
  std::vector<const Hunk*> broken;
  std::vector<std::pair<std::size_t, const Hunk*>> moved;
  for (const Hunk& hunk : before.hunks) {
    if (const auto line = traces.line_of(hunk)) {
      moved.emplace_back(*line, &hunk);
    } else if (!traces.is_reverted(hunk)) {
      broken.push_back(&hunk);
    }
  }
  if (!broken.empty()) {
    return not_intact(broken);
  }
  std::sort(moved.begin(), moved.end());
  Pristine out;
  for (const auto& [line, hunk] : moved) {
    lines[line].text = hunk->was;
    out.hunks.push_back({line + 1, hunk->was, hunk->is});
  }
  out.content = joined(lines);
  if (out.content.size() > kOverlayFileBytesMax) {
    return Error(Code::Conflict, "it has become larger than 4 MiB, too large for an overlay");
  }
  const auto again = altered(out);
  if (!again.ok() || *again != live) {
    return Error(Code::Conflict, "its overlay can no longer be undone: line breaks have changed");
  }
  return out;
}

Bytes encode_pristine(const Pristine& pristine) {
  Bytes out = pristine.content;
  for (const Hunk& hunk : pristine.hunks) {
    out += std::to_string(hunk.line) + " " + std::to_string(hunk.was.size()) + " " +
           std::to_string(hunk.is.size()) + "\n" + hunk.was + "\n" + hunk.is + "\n";
  }
  const std::size_t hunk_bytes = out.size() - pristine.content.size();
  return out + Bytes(kMagic) + number_text(pristine.content.size()) + " " + number_text(hunk_bytes) + " " +
         digest_text(out) + "\n";
}

Result<Pristine> decode_pristine(BytesView file) {
  if (file.size() < kFooterBytes) {
    return corrupt();
  }
  const BytesView body = file.substr(0, file.size() - kFooterBytes);
  const BytesView footer = file.substr(body.size() + kMagic.size());
  std::uint64_t content = 0;
  std::uint64_t hunks = 0;
  const bool framed = file.substr(body.size()).starts_with(kMagic) && footer[kHexBytes] == ' ' &&
                      footer[2 * kHexBytes + 1] == ' ' && footer.back() == '\n' &&
                      parse_number(footer.substr(0, kHexBytes), 16, content) &&
                      parse_number(footer.substr(kHexBytes + 1, kHexBytes), 16, hunks);
  if (!framed || content > body.size() || hunks != body.size() - content ||
      footer.substr(2 * kHexBytes + 2, kDigestHexBytes) != digest_text(body)) {
    return corrupt();
  }
  Pristine out{Bytes(body.substr(0, content)), {}};
  for (BytesView rest = body.substr(content); !rest.empty();) {
    Hunk hunk;
    if (!take_hunk(rest, hunk)) {
      return corrupt();
    }
    out.hunks.push_back(std::move(hunk));
  }
  HA_CHECK(altered(out));
  return out;
}

}  // namespace ha::replicator
