// Keys as paths: '/'-separated components, "" for the top. Pure. Thread safety: none needed.
#pragma once

#include "common/base/bytes.h"

namespace ha::replicator {

// Of what stands at the top, "".
[[nodiscard]] inline BytesView parent_of_key(BytesView key) {
  const std::size_t slash = key.rfind('/');
  return slash == BytesView::npos ? BytesView() : key.substr(0, slash);
}

[[nodiscard]] inline BytesView name_of_key(BytesView key) {
  const std::size_t slash = key.rfind('/');
  return slash == BytesView::npos ? key : key.substr(slash + 1);
}

// `name` may be a path itself.
[[nodiscard]] inline Bytes key_in(BytesView directory, BytesView name) {
  return directory.empty() ? Bytes(name) : Bytes(directory) + "/" + Bytes(name);
}

}  // namespace ha::replicator
