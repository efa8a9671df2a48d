#include "tools/hareplicate/pair_codec.h"

#include <utility>

#include "common/base/nanoseconds.h"
#include "schemas/pairing.pb.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::pairing;

constexpr std::size_t kSecretBytesMax = 64;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, std::string("message of pairing: ") + what);
}

struct Writer {
  pb::Pairing& out;

  void operator()(const PairRequest& from) const {
    pb::Request& to = *out.mutable_request();
    to.set_protocol(from.protocol);
    to.set_secret(from.secret);
    to.set_wire_major(from.wire_major);
    to.set_program_version(from.program_version);
    to.set_site(from.site);
    for (const std::string& address : from.addresses) {
      to.add_address(address);
    }
    to.set_host_name(from.host_name);
    to.set_local_address(from.local_address);
    to.set_cluster_id(from.cluster_id);
    to.set_wall_ns(nanoseconds(from.wall));
  }
  void operator()(const PairWelcome& from) const {
    pb::Welcome& to = *out.mutable_welcome();
    to.set_site(from.site);
    to.set_cluster_id(from.cluster_id);
    to.set_inviter(from.inviter);
    to.set_cluster_toml(from.cluster_toml);
    to.set_was_member(from.was_member);
    to.set_wall_ns(nanoseconds(from.wall));
  }
  void operator()(const PairRefusal& from) const {
    pb::Refusal& to = *out.mutable_refusal();
    to.set_code(static_cast<std::uint32_t>(from.error.code()));
    to.set_what(from.error.what());
    to.set_hint(from.error.hint());
    to.set_wall_ns(nanoseconds(from.wall));
  }
  void operator()(const PairStored&) const { out.mutable_stored(); }
};

template <typename... Texts>
bool too_long(std::size_t limit, const Texts&... texts) {
  return ((texts.size() > limit) || ...);
}

Result<PairMessage> read_request(pb::Request& from) {
  if (from.secret().size() > kSecretBytesMax ||
      static_cast<std::size_t>(from.address_size()) > kPairAddressesMax ||
      too_long(kPairTextBytesMax, from.program_version(), from.site(), from.host_name(), from.local_address(),
               from.cluster_id())) {
    return corrupt("a field of a request is too long");
  }
  PairRequest out;
  for (std::string& address : *from.mutable_address()) {
    if (address.size() > kPairTextBytesMax) {
      return corrupt("an address is too long");
    }
    out.addresses.push_back(std::move(address));
  }
  out.protocol = from.protocol();
  out.secret = std::move(*from.mutable_secret());
  out.wire_major = from.wire_major();
  out.program_version = std::move(*from.mutable_program_version());
  out.site = std::move(*from.mutable_site());
  out.host_name = std::move(*from.mutable_host_name());
  out.local_address = std::move(*from.mutable_local_address());
  out.cluster_id = std::move(*from.mutable_cluster_id());
  out.wall = wall_time(from.wall_ns());
  return PairMessage(std::move(out));
}

Result<PairMessage> read_welcome(pb::Welcome& from) {
  if (from.cluster_toml().size() > replicator::kConfigBytesMax ||
      too_long(kPairTextBytesMax, from.site(), from.cluster_id(), from.inviter())) {
    return corrupt("a field of a welcome is too long");
  }
  PairWelcome out;
  out.site = std::move(*from.mutable_site());
  out.cluster_id = std::move(*from.mutable_cluster_id());
  out.inviter = std::move(*from.mutable_inviter());
  out.cluster_toml = std::move(*from.mutable_cluster_toml());
  out.was_member = from.was_member();
  out.wall = wall_time(from.wall_ns());
  return PairMessage(std::move(out));
}

Result<PairMessage> read_refusal(pb::Refusal& from) {
  const auto code = code_of(from.code());
  if (!code || too_long(kPairSentenceBytesMax, from.what(), from.hint())) {
    return corrupt("a refusal is out of bounds");
  }
  return PairMessage(
      PairRefusal{Error(*code, std::move(*from.mutable_what()), std::move(*from.mutable_hint())),
                  wall_time(from.wall_ns())});
}

}  // namespace

Bytes encode_pair(const PairMessage& message) {
  pb::Pairing out;
  std::visit(Writer{out}, message);
  return out.SerializeAsString();
}

Result<PairMessage> decode_pair(BytesView bytes) {
  pb::Pairing in;
  if (bytes.size() > kPairMessageBytesMax ||
      !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return corrupt("does not parse");
  }
  switch (in.kind_case()) {
    case pb::Pairing::kRequest:
      return read_request(*in.mutable_request());
    case pb::Pairing::kWelcome:
      return read_welcome(*in.mutable_welcome());
    case pb::Pairing::kRefusal:
      return read_refusal(*in.mutable_refusal());
    case pb::Pairing::kStored:
      return PairMessage(PairStored{});
    case pb::Pairing::KIND_NOT_SET:
      break;
  }
  return corrupt("of no known kind");
}

}  // namespace ha::tool
