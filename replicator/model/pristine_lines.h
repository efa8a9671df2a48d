// A content as its lines. Private to the overlay's files. Pure.
#pragma once

#include <vector>

#include "common/base/bytes.h"

namespace ha::replicator {

struct Line {
  BytesView text;
  BytesView end;  // "\n", "\r\n", or nothing after the last one
};

// All of them; together they are `content`.
[[nodiscard]] inline std::vector<Line> lines_of(BytesView content) {
  std::vector<Line> out;
  while (!content.empty()) {
    const std::size_t newline = content.find('\n');
    const std::size_t length = newline == BytesView::npos ? content.size() : newline + 1;
    const BytesView whole = content.substr(0, length);
    std::size_t text = newline == BytesView::npos ? length : newline;
    if (newline != BytesView::npos && text > 0 && whole[text - 1] == '\r') {
      --text;
    }
    out.push_back({whole.substr(0, text), whole.substr(text)});
    content.remove_prefix(length);
  }
  return out;
}

}  // namespace ha::replicator
