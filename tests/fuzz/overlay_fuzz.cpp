// Pristine copies: what decodes encodes to the very same bytes; any edit of the live file is undone to what
// gives that live file again, or refused.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "replicator/model/overlay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::replicator;
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  if (const auto pristine = decode_pristine(input); pristine.ok()) {
    HA_ASSERT(encode_pristine(*pristine) == input);
  }
  // The first line is a pattern, the second its replacement, then come the content and the edited live file.
  const std::size_t first = input.find('\n');
  const std::size_t second = first == ha::BytesView::npos ? first : input.find('\n', first + 1);
  const std::size_t third = second == ha::BytesView::npos ? second : input.find('\0', second + 1);
  if (third == ha::BytesView::npos) {
    return 0;
  }
  const auto overlay = Overlay::compile(
      {{std::string(input.substr(0, first)), std::string(input.substr(first + 1, second - first - 1))}});
  if (!overlay.ok()) {
    return 0;
  }
  const auto pristine = overlay->apply(input.substr(second + 1, third - second - 1));
  if (!pristine.ok()) {
    return 0;
  }
  const auto live = altered(*pristine);
  HA_ASSERT(live.ok());
  HA_ASSERT(undo(*live, *pristine).value() == *pristine);
  HA_ASSERT(decode_pristine(encode_pristine(*pristine)).value() == *pristine);
  const ha::BytesView edited = input.substr(third + 1);
  if (const auto undone = undo(edited, *pristine); undone.ok()) {
    HA_ASSERT(altered(*undone).value() == edited);
  }
  return 0;
}
