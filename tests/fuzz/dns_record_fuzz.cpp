// Records, key files, names and rdata in text: what is read is written to the very same text, or is refused.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "dnsupdater/key_file.h"
#include "dnsupdater/message.h"
#include "dnsupdater/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::dns;
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  if (const auto record = parse_record(input); record.ok()) {
    HA_ASSERT(encode(*record).value() == input);
    HA_ASSERT(join_strings(split_strings(input)).value() == input);
  }
  if (const auto name = Name::parse(input); name.ok()) {
    HA_ASSERT(Name::from_wire(name->wire()).value() == *name);
  }
  if (const auto name = Name::from_wire(input); name.ok()) {
    HA_ASSERT(name->wire().size() == input.size());
  }
  static_cast<void>(parse_key(input));
  if (size < 2) {
    return 0;
  }
  // The first two bytes are the type. What ldns prints it must read back as the same.
  const auto type = static_cast<RrType>(get_be16(input, 0));
  const ha::BytesView rest = input.substr(2);
  if (const auto rdata = rdata_from_text(type, rest); rdata.ok()) {
    HA_ASSERT(rdata_from_wire(type, rdata->wire).value() == *rdata);
  }
  if (const auto rdata = rdata_from_wire(type, rest); rdata.ok()) {
    HA_ASSERT(rdata_from_wire(type, rdata->wire).value() == *rdata);
  }
  return 0;
}
