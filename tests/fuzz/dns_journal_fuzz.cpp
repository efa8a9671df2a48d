// The journal of operations: whatever stands in a file, what is read can be written and read again, the same.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "dnsupdater/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::dns;
  const auto entry = decode_entry(ha::BytesView(reinterpret_cast<const char*>(data), size));
  if (!entry.ok()) {
    return 0;
  }
  const ha::Bytes written = encode(*entry);
  const auto again = decode_entry(written);
  HA_ASSERT(again.ok() && again->operation == entry->operation && encode(*again) == written);
  for (const OperationStep& step : entry->operation.steps) {
    static_cast<void>(lines_of(step));
  }
  static_cast<void>(undo_of(entry->operation, entry->done(), "d-1"));
  return 0;
}
