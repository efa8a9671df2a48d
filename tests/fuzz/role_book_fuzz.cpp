// The roles that a replicator keeps: what decodes encodes to what decodes to the same, and takes orders.
#include <cstddef>
#include <cstdint>

#include "replicator/role_book.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::replicator;
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  auto book = RoleBook::decode("fra1", input);
  if (!book.ok()) {
    return 0;
  }
  const ha::Bytes kept = book->encode();
  const auto again = RoleBook::decode("fra1", kept);
  HA_ASSERT(again.ok() && again->encode() == kept);
  const Role before = book->role("pbx");
  const ha::SteadyTime now{};
  if (book->take({"pbx", "fra1", before.highest, std::chrono::seconds(1), true}, now).ok()) {
    HA_ASSERT(book->role("pbx").highest == before.highest);
    HA_ASSERT(!book->right("pbx").may_send(now) || book->role("pbx").holder == "fra1");
  }
  return 0;
}
