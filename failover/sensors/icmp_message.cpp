#include "failover/sensors/icmp_message.h"

namespace ha::failover {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kNumberAt = 6;

unsigned at(BytesView bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

std::uint16_t checksum(BytesView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? at(bytes, i) << 8U : at(bytes, i);
  }
  while (sum >> 16U != 0) {
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum);
}

void put_be(Bytes& out, std::size_t where, std::uint16_t value) {
  out[where] = static_cast<char>(value >> 8U);
  out[where + 1] = static_cast<char>(value & 0xffU);
}

}  // namespace

Bytes echo_request(bool v6, std::uint64_t token, std::uint16_t number) {
  Bytes out(kHeaderBytes, '\0');
  out[0] = static_cast<char>(v6 ? 128 : 8);
  put_be(out, 4, static_cast<std::uint16_t>(token));  // ping sockets put theirs
  put_be(out, kNumberAt, number);
  put_u64(out, token);
  if (!v6) {  // of IPv6 the kernel makes it
    put_be(out, 2, checksum(out));
  }
  return out;
}

std::optional<std::uint16_t> echo_answer(BytesView packet, bool v6, bool with_ip, std::uint64_t token) {
  if (with_ip) {
    if (packet.empty() || at(packet, 0) >> 4U != 4) {
      return std::nullopt;
    }
    const std::size_t header = (at(packet, 0) & 0xfU) * 4U;
    if (header < 20 || header > packet.size()) {
      return std::nullopt;
    }
    packet.remove_prefix(header);
  }
  if (packet.size() < kHeaderBytes + sizeof token || at(packet, 0) != (v6 ? 129U : 0U) ||
      at(packet, 1) != 0 || get_u64(packet, kHeaderBytes) != token) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(at(packet, kNumberAt) << 8U | at(packet, kNumberAt + 1));
}

}  // namespace ha::failover
